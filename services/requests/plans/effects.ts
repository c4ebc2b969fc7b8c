import { type CheckOptions, checkDomain, type DomainCheck } from '../../dns/check/check.ts';
import { checkDmarc } from '../../dns/check/dmarc.ts';
import { lowerName } from '../../dns/client/name.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { ORDER, policiesOf } from '../../dns/dmarc/applied.ts';
import { type DmarcRecord, type Policy, parseDmarc } from '../../dns/dmarc/record.ts';
import { type Planned, withPlanned } from '../../dns/planned.ts';
import { policyOf } from '../../dns/posture/published-policy.ts';
import { evaluateSpf } from '../../dns/spf/evaluate.ts';
import { isWide, type OpenTo, openTo } from '../../dns/spf/open-to.ts';
import { isWithin } from '../../dns/wire/received.ts';
import { counted, percent } from '../../shared/format.ts';
import type { DnsChange } from '../plan.ts';
import { movedMail } from './mail-path.ts';
import { recordsIn, sameMembers, targetIn } from './members.ts';

/** Who sends as a domain, by the reports of the last week. */
export interface SeenSender {
  /** As people know it. */
  name: string;
  /** Some of its addresses. */
  addresses: readonly string[];
  messages: number;
  /** Of these, how many pass DMARC by SPF alone. */
  spf_alone: number;
}

export interface Effects {
  /** What is bad about it, the worst first; sentences. */
  warnings: string[];
  /** What it puts right. */
  gains: string[];
}

export interface EffectOptions extends AskOptions {
  registrable?: (name: string) => string;
  seen: readonly SeenSender[];
  /** Messages of the last week by key, `selector._domainkey.domain`. */
  keys: ReadonlyMap<string, number>;
}

/** Names whose records are no part of anybody's SPF: an include or a host may have any other name. */
const NO_SPF = /^(?:_dmarc|_mta-sts|_smtp\._tls|_acme-challenge|[^.]+\._domainkey|[^.]+\._bimi)\./;

/**
 * What changes would do: both states are checked as `dns check` does, and SPF is evaluated for those who
 * send.
 */
export async function effectsOf(
  domain: string,
  changes: readonly DnsChange[],
  dns: Dns,
  { seen, keys, ...asking }: EffectOptions,
): Promise<Effects> {
  const then = withPlanned(plannedBy(changes), dns);
  const selectors = selectorsOf(domain, changes, keys);
  const spf = changes.some(({ name }) => !NO_SPF.test(name));
  const warnings: string[] = [];
  const worse: string[] = [];
  const gains: string[] = [];
  for (const one of [domain, ...policyNames(domain, changes)]) {
    const asked = { ...asking, selectors: one === domain ? selectors : [] };
    const [before, after] = await Promise.all([checked(one, dns, asked), checked(one, then, asked)]);
    if (one !== domain && before.dmarc?.discovery.state === 'unknown' && !rejectsAll(after))
      warnings.push(`Nobody could say which DMARC policy applies to ${one} now: ${before.dmarc.discovery.message}`);
    warnings.push(...weaker(before, after, one === domain ? '' : ` of ${one}`));
    if (one === domain) warnings.push(...wildcardPolicies(changes, policyOf(before)));
    const about = (check: DomainCheck) => check.findings.filter(({ code }) => one === domain || code.startsWith('dmarc_'));
    worse.push(...differing(about(before), about(after)));
    const open = differing(about(before), about(after), 'unknown');
    worse.push(...open.map((message) => `What it leads to could not be checked: ${message}`));
    gains.push(...differing(about(after), about(before)));
  }
  return {
    warnings: [
      ...warnings,
      ...policyAliases(domain, changes),
      ...(await movedMail(domain, changes, { now: dns, later: then }, asking)),
      ...(spf ? await lockedOut(domain, dns, then, seen) : []),
      ...(await widened(domain, changes, dns, then)),
      ...changes.flatMap((change) => [...withdrawnKey(change, keys), ...withdrawnTls(change), ...misread(change)]),
      ...worse,
    ],
    gains: gains.map((message) => `It fixes: ${message}`),
  };
}

/** What the names of some changes will have. */
export function plannedBy(changes: readonly DnsChange[]): Planned {
  const planned: Planned = new Map();
  for (const change of changes) planned.set(change.name, { ...planned.get(change.name), ...recordsIn(change) });
  return planned;
}

/** A policy applies to mail from a name that does not exist, too: there `checkDomain` looks at nothing. */
async function checked(domain: string, dns: Dns, options: CheckOptions): Promise<DomainCheck> {
  const check = await checkDomain(domain, dns, options);
  return { ...check, dmarc: check.dmarc ?? (await checkDmarc(domain, dns, options)) };
}

/** The errors that are there afterwards, and were not before; or what could not be asked. */
function differing(
  before: DomainCheck['findings'],
  after: DomainCheck['findings'],
  wanted: 'error' | 'unknown' = 'error',
): string[] {
  const had = new Set(before.map(({ code, record }) => `${code} ${record?.name}`));
  return after.flatMap(({ severity, code, record, message }) =>
    severity === wanted && !had.has(`${code} ${record?.name}`) ? [message] : [],
  );
}

/** No other policy is stricter: whatever was there, it cannot be weakened by this one. */
function rejectsAll(check: DomainCheck): boolean {
  const found = policyOf(check);
  return found !== null && Object.values(policiesOf(found.record, found.policy)).every((policy) => policy === 'reject');
}

const POLICY = /^_dmarc\.(.+)$/;

/** The names below a domain whose policy is changed, by the names that the records have or stand for. */
function policyNames(domain: string, changes: readonly DnsChange[]): string[] {
  const names = changes.flatMap(({ name, stands_for = [] }) => [name, ...stands_for]);
  return [...new Set(names.flatMap((name) => POLICY.exec(name)?.[1] ?? []))].filter(
    (one) => one !== domain && !one.startsWith('*.'),
  );
}

/**
 * Policies that somebody outside of the domain would publish from then on: what he has there now says
 * nothing.
 */
function policyAliases(domain: string, changes: readonly DnsChange[]): string[] {
  return changes.flatMap(({ name, type, after, before, stands_for = [] }) => {
    if (type !== 'CNAME') return [];
    const of = [name, ...stands_for].flatMap((one) => POLICY.exec(one)?.[1] ?? belowWildcard(one) ?? [])[0];
    const target = after[0] === undefined ? null : lowerName(targetIn(after[0]));
    if (of === undefined || target === null || isWithin(target, domain) || sameMembers(before, after)) return [];
    return [`The DMARC policy of ${of} would be what ${target} publishes, now and later.`];
  });
}

/** The names that a wildcard answers for, in a sentence; null for a name that is none. */
const belowWildcard = (name: string): string | null =>
  name.startsWith('*.') ? `names below ${name.slice(2)} that do not exist` : null;

/**
 * A wildcard answers for `_dmarc` of names that do not exist, too: its record is their policy (RFC 9989
 * section 4.10, RFC 4592).
 */
function wildcardPolicies(changes: readonly DnsChange[], old: ReturnType<typeof policyOf>): string[] {
  const was = old === null ? 'none' : policiesOf(old.record, old.policy).nonexistent;
  return changes.flatMap(({ name, type, before, after }) => {
    const whose = belowWildcard(name);
    if (whose === null || type !== 'TXT' || sameMembers(before, after)) return [];
    return after.flatMap(({ text }) => {
      const record = parseDmarc(text);
      const is = record?.p ?? 'none';
      return record === null || ORDER.indexOf(is) >= ORDER.indexOf(was)
        ? []
        : [`It weakens the policy for ${whose} from ${was} to ${is}.`];
    });
  });
}

/** What blanks and quotes keep from being the record that it looks like. */
const AROUND = /^[\s"']+/;
const LOOKS: { is: RegExp; reads: RegExp; what: string }[] = [
  { is: /^v\s*=\s*spf1\b/i, reads: /^v=spf1(?: |$)/i, what: 'SPF' },
  { is: /^v\s*=\s*DMARC1\b/i, reads: /^v\s*=\s*DMARC1\s*(?:;|$)/i, what: 'DMARC' },
];

/** Texts that people take for a record, and receivers do not, or only some of them. */
function misread({ name, type, before, after }: DnsChange): string[] {
  if (type !== 'TXT') return [];
  return after
    .filter(({ wire }) => !before.some((one) => one.wire === wire))
    .flatMap(({ text }) =>
      LOOKS.filter(({ is, reads }) => is.test(text.replace(AROUND, '')) && !reads.test(text)).map(
        ({ what }) =>
          `What it publishes at ${name} looks like ${what} and is none, for a blank or a quote in it: most receivers pass it over, and others take it for a second record.`,
      ),
    );
}

/**
 * SPF that lets far more pass than the domain's mail comes from, at whatever name it is: mail from a name
 * below the domain passes DMARC as the domain, where alignment is relaxed.
 */
async function widened(domain: string, changes: readonly DnsChange[], dns: Dns, then: Dns): Promise<string[]> {
  const own = changes.some(({ name }) => !NO_SPF.test(name)) ? [domain] : [];
  const names = new Set([...own, ...changes.flatMap(({ name, type }) => (type === 'TXT' || type === 'CNAME' ? [name] : []))]);
  const warnings: string[] = [];
  for (const name of names) {
    const [before, after] = await Promise.all([openTo(name, dns), openTo(name, then)]);
    if (NO_SPF.test(name) && after.admits && !before.admits)
      warnings.push(`It has SPF at ${name}, from which no mail is sent: whoever it lets pass may pass DMARC as ${domain}.`);
    if (isWide(after) && (after.ipv4 > before.ipv4 || after.ipv6 > before.ipv6))
      warnings.push(
        `It lets very many addresses pass SPF as ${name} (${shareWords(after)}): whoever has one of them may pass DMARC as ${domain}.`,
      );
    const had = new Set(before.asked.map(({ term }) => term));
    for (const { term, name: by } of after.asked.filter((one) => !had.has(one.term)))
      if (!isWithin(by, domain))
        warnings.push(
          `It lets whoever answers for ${by === '' ? 'a name that the sender chooses' : by} say of each address whether it passes SPF as ${name} (${term}).`,
        );
  }
  return warnings;
}

const shareWords = ({ ipv4, ipv6 }: OpenTo): string =>
  [
    ...(ipv4 > 0 ? [`${percent(Math.min(1, ipv4 / 2 ** 32))} of IPv4`] : []),
    ...(ipv6 > 0 ? [`${percent(Math.min(1, ipv6))} of IPv6`] : []),
  ].join(', ');

function selectorsOf(domain: string, changes: readonly DnsChange[], keys: ReadonlyMap<string, number>): string[] {
  const end = `._domainkey.${domain}`;
  return [...new Set([...changes.map(({ name }) => name), ...keys.keys()])]
    .filter((one) => one.endsWith(end))
    .map((one) => one.slice(0, -end.length));
}

/** @param whose in a sentence, where it is another name than the domain that is asked about */
function weaker(before: DomainCheck, after: DomainCheck, whose: string): string[] {
  const [old, fresh] = [policyOf(before), policyOf(after)];
  if (old === null) return [];
  if (fresh === null)
    return [`It takes the DMARC policy${whose} away (p=${old.policy}): anybody may send as the domain, and no reports come.`];
  const warnings: string[] = [];
  const weakens = (was: Policy, is: Policy) => ORDER.indexOf(is) < ORDER.indexOf(was);
  // What is left out is as the tag before it (RFC 9989 section 4.7): np as sp, sp as p; t=y makes each a step
  // weaker.
  const [was, is] = [policiesOf(old.record, old.policy), policiesOf(fresh.record, fresh.policy)];
  if (weakens(old.policy, fresh.policy))
    warnings.push(`It weakens the policy${whose} from p=${old.policy} to p=${fresh.policy}.`);
  else if (weakens(was.policy, is.policy))
    warnings.push(`It weakens the policy${whose}: with t=y, receivers should not apply it.`);
  for (const of of ['subdomains', 'nonexistent'] as const)
    if (weakens(was[of], is[of]) && !(was[of] === was.policy && is[of] === is.policy))
      warnings.push(
        `It weakens the policy for names below ${whose === '' ? 'the domain' : whose.slice(4)}${of === 'nonexistent' ? ' that do not exist' : ''} from ${was[of]} to ${is[of]}.`,
      );
  warnings.push(...stricter(old.record, fresh.record, whose));
  const gone = old.record.rua.filter(({ text }) => !fresh.record.rua.some((one) => one.text === text)).map(({ text }) => text);
  if (gone.length > 0) warnings.push(`Reports no longer go to ${gone.join(', ')}.`);
  return warnings;
}

/**
 * What keeps mail from passing that passes now, although the policy is no weaker: alignment (RFC 9989 section
 * 4.4 and 4.10).
 */
function stricter(old: DmarcRecord, fresh: DmarcRecord, whose: string): string[] {
  const warnings = (['adkim', 'aspf'] as const).flatMap((tag) =>
    old[tag] !== 's' && fresh[tag] === 's'
      ? [`It demands strict alignment${whose} (${tag}=s): mail that passes by another name of the domain would fail DMARC.`]
      : [],
  );
  const other = fresh.psd === 'y' || (fresh.psd === 'n' && whose !== '');
  if (fresh.psd !== old.psd && other)
    warnings.push(
      `It says psd=${fresh.psd}${whose}: names below would be of another organization, and mail that passes by one of them would fail DMARC.`,
    );
  return warnings;
}

/** Senders seen in reports that SPF admits now and would not any more. */
async function lockedOut(domain: string, now: Dns, then: Dns, seen: readonly SeenSender[]): Promise<string[]> {
  const warnings: string[] = [];
  for (const { name, addresses, messages, spf_alone } of seen) {
    const ends = await Promise.all(
      addresses.map(async (ip) => {
        const mail = { ip, helo: domain, mailFrom: `postmaster@${domain}` };
        const [old, fresh] = [await evaluateSpf(mail, now), await evaluateSpf(mail, then)];
        return old.result === 'pass' && fresh.result !== 'pass';
      }),
    );
    if (!ends.includes(true)) continue;
    const alone = spf_alone > 0 ? `, of which ${counted(spf_alone, 'message')} pass by SPF alone and would fail DMARC` : '';
    warnings.push(
      `It locks out ${name}: SPF admits it now and would not any more (${counted(messages, 'message')} in the last week${alone}).`,
    );
  }
  return warnings;
}

/** What asks senders to use TLS, or to report where they could not: RFC 8461 section 8.3 and RFC 8460. */
function withdrawnTls({ name, before, after }: DnsChange): string[] {
  return (
    [
      { at: '_mta-sts.', is: /^v=STSv1\b/i, says: 'It takes MTA-STS away: mail to the domain may be sent without TLS.' },
      { at: '_smtp._tls.', is: /^v=TLSRPTv1\b/i, says: 'It takes TLS reports away.' },
    ]
      // Of several, none counts (RFC 8461 section 3.1, RFC 8460 section 3).
      .filter(
        ({ at, is }) =>
          name.startsWith(at) &&
          before.some(({ text }) => is.test(text)) &&
          after.filter(({ text }) => is.test(text)).length !== 1,
      )
      .map(({ says }) => says)
  );
}

function withdrawnKey({ name, type, before, after, stands_for = [] }: DnsChange, keys: ReadonlyMap<string, number>): string[] {
  const used = [name, ...stands_for].reduce((sum, one) => sum + (keys.get(one) ?? 0), 0);
  const works = (members: DnsChange['before']) => members.some(({ text }) => /(?:^|;)\s*p\s*=\s*[A-Za-z0-9+/]/.test(text));
  if (used === 0 || before.length === 0) return [];
  if (type === 'CNAME')
    return [
      `It ${after.length === 0 ? 'takes away' : 'changes'} the alias of a key in use: ${counted(used, 'message')} of the last week were signed with it.`,
    ];
  if (!works(before)) return [];
  if (!works(after)) return [`It withdraws a key in use: ${counted(used, 'message')} of the last week were signed with it.`];
  const same = before.some((one) => after.some(({ wire }) => wire === one.wire));
  return same
    ? []
    : [`It replaces a key in use: ${counted(used, 'message')} of the last week were signed with it, and mail under way fails.`];
}
