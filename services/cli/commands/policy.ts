import { checkDomain } from '../../dns/check/check.ts';
import { type Publication, webForm, zoneLine } from '../../dns/check/finding.ts';
import { labelsOf } from '../../dns/client/name.ts';
import type { Dns } from '../../dns/client/types.ts';
import { checkDestination } from '../../dns/dmarc/destination.ts';
import { parseDmarc } from '../../dns/dmarc/record.ts';
import { REPORTER_DAYS } from '../../dns/posture/blockers.ts';
import type { ReportMonth } from '../../dns/posture/month.ts';
import { NOT_PREVENTED, type Posture, postureOf } from '../../dns/posture/posture.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { addDays } from '../../shared/days.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { markTrust } from '../../shared/mark-authorities.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import { openWeb } from '../../shared/runtime/web.ts';
import type { Config } from '../../shared/settings/config.ts';
import { loadSelectors, type SeenSelector } from '../../store/analysis/signatures.ts';
import { listDomains } from '../../store/domains/domains.ts';
import { loadLastMonth, MONTH_DAYS } from '../../store/domains/report-month.ts';
import { serversOf } from '../check-options.ts';
import { withDatabase } from '../open.ts';
import { table } from '../terminal/table.ts';

export interface PolicyStatusOptions {
  json?: boolean;
  resolver?: string[];
  /** The moment that the month ends at; now, unless a test says otherwise. */
  now?: Date;
}

const PER_SECOND = 100;
const MOST_SENDERS = 12;
const MOST_DOMAINS = 10_000;
const BELOW = '._report._dmarc.';

interface Status {
  posture: Posture;
  month: ReportMonth | null;
  /** What the domain's mail is signed with. */
  seen: readonly SeenSelector[];
  /** What other domains must publish beside the next step. */
  acceptances: readonly Publication[];
}

/**
 * `policy status`: how far each domain has come (SPF, DKIM, DMARC at none, quarantine, reject, BIMI), the
 * next step, and what it waits for, from DNS as it is now and the reports of the last 30 days.
 * @param domains those to look at; empty for all own domains
 * @throws PermanentError `usage`
 */
export async function runPolicyStatus(
  config: Config,
  domains: readonly string[],
  options: PolicyStatusOptions,
  out: (line: string) => void,
): Promise<number> {
  for (const domain of domains)
    if (labelsOf(normalDomain(domain)) === null || !domain.includes('.'))
      throw new PermanentError('usage', `"${domain}" is not a domain.`);
  const dns = openDns(serversOf(config, options), { perSecond: PER_SECOND });
  return withDatabase(config, async (db) => {
    const names = domains.length > 0 ? [...new Set(domains.map(normalDomain))] : await ownNames(db);
    const found: Status[] = [];
    const today = (options.now ?? new Date()).toISOString().slice(0, 10);
    for (const name of names) found.push(await statusOf({ db, config, dns, today }, name));
    if (options.json)
      return out(
        jsonText(
          found.map(({ posture, month }) => ({ ...posture, reports: month })),
          2,
        ),
      );
    if (names.length === 0) out('No domain is known as yours. Add one: ruawatch domains add example.com');
    for (const one of found) for (const line of linesOf(one)) out(line);
    if (names.length > 0) for (const line of limits()) out(line);
  });
}

async function ownNames(db: Db): Promise<string[]> {
  const rows = await listDomains(db, { state: 'own', limit: MOST_DOMAINS });
  return rows.map(({ domain }) => domain);
}

async function statusOf(
  { db, config, dns, today }: { db: Db; config: Config; dns: Dns; today: string },
  domain: string,
): Promise<Status> {
  const seen = await loadSelectors(db, domain, addDays(today, 1 - MONTH_DAYS));
  const month = await loadLastMonth(db, domain, today, REPORTER_DAYS);
  const mailboxes = config.mailboxes.flatMap(({ addresses }) => addresses);
  const check = await checkDomain(domain, dns, {
    selectors: seen.map(({ selector }) => selector),
    registrable: organizationalDomain,
    mailboxes,
    web: openWeb(dns),
    marks: markTrust(new Date()),
  });
  const posture = postureOf(check, month, mailboxes[0] ?? null);
  return { posture, month, seen, acceptances: await acceptancesFor(posture.next.publish?.value ?? null, domain, dns) };
}

/**
 * The records by which other organizations' domains accept the reports that a proposed record asks for (RFC
 * 9990 section 4), as far as they are not published.
 */
async function acceptancesFor(proposed: string | null, domain: string, dns: Dns): Promise<Publication[]> {
  const places = (proposed === null ? null : parseDmarc(proposed))?.rua.flatMap(({ address }) => address ?? []) ?? [];
  const hosts = new Set(places.map((address) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()));
  const needed: Publication[] = [];
  for (const host of hosts) {
    if (organizationalDomain(host) === organizationalDomain(domain)) continue;
    const { state, name } = await checkDestination(domain, host, dns);
    if (state !== 'authorized') needed.push({ name, value: 'v=DMARC1' });
  }
  return needed;
}

function* linesOf({ posture: { domain, stage, next, blocked_by }, month, seen, acceptances }: Status): Generator<string> {
  yield `${domain}   stage: ${stage}`;
  yield `  next: ${next.sentence}`;
  if (next.publish !== null) yield* publication(next.publish, domain);
  for (const one of acceptances) {
    yield '  and at the domain of that mailbox, or no reports are sent to it (RFC 9990 section 4):';
    yield* publication(one, organizationalDomain(one.name.slice(one.name.indexOf(BELOW) + BELOW.length)));
  }
  for (const one of blocked_by) if (one !== next.waits_for?.sentence) yield `  waits for: ${one}`;
  const senders = (month?.senders ?? []).filter((one) => one.class === 'authorized' || one.class === 'misaligned');
  if (senders.length > 0) {
    const share = (n: number, of: number) => `${Math.floor((100 * n) / Math.max(1, of))}%`;
    const rows = senders
      .slice(0, MOST_SENDERS)
      .map((one) => [
        one.source,
        one.class,
        one.messages.toLocaleString('en'),
        share(one.dkim_aligned, one.messages),
        share(one.spf_aligned, one.messages),
        share(one.passed, one.messages),
        selectorsOf(one.source, seen),
      ]);
    for (const line of table(['sender', 'class', 'messages', 'DKIM', 'SPF', 'DMARC', 'selectors'], rows, {
      widths: [40, 12, 12, 5, 5, 5, 30],
      right: [2, 3, 4, 5],
    }).split('\n'))
      yield `  ${line}`;
    if (senders.length > MOST_SENDERS) yield `  and ${senders.length - MOST_SENDERS} more`;
  }
  yield '';
}

/** With which keys a sender signs as the domain, those with the most mail first. */
function selectorsOf(source: string, seen: readonly SeenSelector[]): string {
  return seen
    .filter(({ sources }) => sources.includes(source))
    .map(({ selector }) => selector)
    .join(', ');
}

function* publication({ name, value }: Publication, domain: string): Generator<string> {
  if (value === null) return yield `    remove:    ${name}`;
  const form = webForm({ name, value }, domain);
  yield `    zone file: ${zoneLine({ name, value })}`;
  yield `    web form:  ${form.host}   TXT   ${form.value}`;
}

function* limits(): Generator<string> {
  yield 'What none of these records prevents:';
  for (const { what, watched, people } of NOT_PREVENTED) yield `  ${what}. Watched: ${watched}. Tell people: ${people}`;
}
