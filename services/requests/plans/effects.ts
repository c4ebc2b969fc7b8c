import { checkDomain, type DomainCheck } from '../../dns/check/check.ts';
import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { ORDER, policiesOf } from '../../dns/dmarc/applied.ts';
import type { Policy } from '../../dns/dmarc/record.ts';
import { type Planned, withPlanned } from '../../dns/planned.ts';
import { policyOf } from '../../dns/posture/published-policy.ts';
import { evaluateSpf } from '../../dns/spf/evaluate.ts';
import { counted } from '../../shared/format.ts';
import type { DnsChange } from '../plan.ts';
import { recordsIn } from './members.ts';

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

/** What changes would do: both states are checked as `dns check` does, and SPF is evaluated for those who send. */
export async function effectsOf(
  domain: string,
  changes: readonly DnsChange[],
  dns: Dns,
  { seen, keys, ...asking }: EffectOptions,
): Promise<Effects> {
  const planned: Planned = new Map();
  for (const change of changes) planned.set(change.name, { ...planned.get(change.name), ...recordsIn(change) });
  const then = withPlanned(planned, dns);
  const selectors = selectorsOf(domain, changes, keys);
  const [before, after] = await Promise.all([
    checkDomain(domain, dns, { ...asking, selectors }),
    checkDomain(domain, then, { ...asking, selectors }),
  ]);
  const had = new Set(before.findings.map(({ code, record }) => `${code} ${record?.name}`));
  const has = new Set(after.findings.map(({ code, record }) => `${code} ${record?.name}`));
  const worse = after.findings.filter((one) => one.severity === 'error' && !had.has(`${one.code} ${one.record?.name}`));
  const better = before.findings.filter((one) => one.severity === 'error' && !has.has(`${one.code} ${one.record?.name}`));
  const spf = changes.some(({ name }) => !NO_SPF.test(name));
  return {
    warnings: [
      ...weaker(before, after),
      ...(spf ? await lockedOut(domain, dns, then, seen) : []),
      ...changes.flatMap((change) => [...withdrawnKey(change, keys), ...withdrawnTls(change)]),
      ...worse.map(({ message }) => message),
    ],
    gains: better.map(({ message }) => `It puts right: ${message}`),
  };
}

function selectorsOf(domain: string, changes: readonly DnsChange[], keys: ReadonlyMap<string, number>): string[] {
  const end = `._domainkey.${domain}`;
  return [...new Set([...changes.map(({ name }) => name), ...keys.keys()])]
    .filter((one) => one.endsWith(end))
    .map((one) => one.slice(0, -end.length));
}

function weaker(before: DomainCheck, after: DomainCheck): string[] {
  const [old, fresh] = [policyOf(before), policyOf(after)];
  if (old === null) return [];
  if (fresh === null)
    return [`It takes the DMARC policy away (p=${old.policy}): anybody may send as the domain, and no reports come.`];
  const warnings: string[] = [];
  const weakens = (was: Policy, is: Policy) => ORDER.indexOf(is) < ORDER.indexOf(was);
  // What is left out is as the tag before it (RFC 9989 section 4.7): np as sp, sp as p; t=y makes each a step weaker.
  const [was, is] = [policiesOf(old.record, old.policy), policiesOf(fresh.record, fresh.policy)];
  if (weakens(old.policy, fresh.policy)) warnings.push(`It weakens the policy from p=${old.policy} to p=${fresh.policy}.`);
  else if (weakens(was.policy, is.policy)) warnings.push('It weakens the policy: with t=y, receivers should not apply it.');
  for (const of of ['subdomains', 'nonexistent'] as const)
    if (weakens(was[of], is[of]) && !(was[of] === was.policy && is[of] === is.policy))
      warnings.push(
        `It weakens the policy for names below the domain${of === 'nonexistent' ? ' that do not exist' : ''} from ${was[of]} to ${is[of]}.`,
      );
  const gone = old.record.rua.filter(({ text }) => !fresh.record.rua.some((one) => one.text === text)).map(({ text }) => text);
  if (gone.length > 0) warnings.push(`Reports no longer go to ${gone.join(', ')}.`);
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

/** What tells senders to use TLS, or to report where they could not: RFC 8461 section 8.3 and RFC 8460. */
function withdrawnTls({ name, before, after }: DnsChange): string[] {
  return [
    { at: '_mta-sts.', is: /^v=STSv1\b/i, says: 'It takes MTA-STS away: mail to the domain may be sent without TLS.' },
    { at: '_smtp._tls.', is: /^v=TLSRPTv1\b/i, says: 'It takes TLS reports away.' },
  ]
    .filter(
      ({ at, is }) => name.startsWith(at) && before.some(({ text }) => is.test(text)) && !after.some(({ text }) => is.test(text)),
    )
    .map(({ says }) => says);
}

function withdrawnKey({ name, type, before, after }: DnsChange, keys: ReadonlyMap<string, number>): string[] {
  const used = keys.get(name) ?? 0;
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
