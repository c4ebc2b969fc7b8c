import type { PostureRow } from '../dns/postures.ts';
import { TIMELINE_ORDER, type TimelineRow } from '../timeline.ts';
import { type Reader, read, readKept } from './scope.ts';

/** A domain and a range of UTC days, both included. */
export interface Range {
  domain: string;
  from: string;
  to: string;
}

/** The mail of one class of sources on one day. */
export interface ClassDay {
  day: string;
  class: string;
  messages: number;
  passed: number;
  /** Of those that failed: by forwarding, as reporters say. */
  forwarded: number;
  /**
   * Of those that failed without any authentication: as a name below the domain, to which `sp` or `np`
   * applies.
   */
  below: number;
  delivered: number;
  quarantined: number;
  rejected: number;
}

/**
 * SQL: the reporters of the domain `$1` whose word does not count, and of which rows of `reporter_days` it
 * does: as its column `counts`, which looks for the reporter once a row. It reads the view `reporters`.
 */
export const OTHERS = 'others as materialized (select reporter from reporters where domain = $1 and not decides)';
const COUNTS = "trust = 'ok' and reporter not in (select reporter from others)";

/** Mail by day and class of source, of the reports that count: as unauthorizedLines counts one class. */
export async function classDays(reader: Reader, { domain, from, to }: Range): Promise<readonly ClassDay[]> {
  return readKept<ClassDay>(
    reader,
    ['class_days'],
    `select day, class, sum(messages)::bigint as messages, sum(passed)::bigint as passed,
            sum(failed_forwarded)::bigint as forwarded, sum(failed_subdomain)::bigint as below, sum(delivered)::bigint as delivered,
            sum(quarantined)::bigint as quarantined, sum(rejected)::bigint as rejected
       from class_days where domain = $1 and day between $2 and $3 and counts group by day, class order by day, class`,
    [domain, from, to],
  );
}

/**
 * Failing mail as names below a domain: as those that also pass, which exist, and as the others. Reports do
 * not say which names exist, and nothing is looked up.
 */
export async function failingBelow(reader: Reader, { domain, from, to }: Range): Promise<{ used: number; unused: number }> {
  const [found] = await readKept<{ used: number; unused: number }>(
    reader,
    ['subdomain_days'],
    `, names as (
       select sum(failed_unauthenticated) as failed, sum(passed) > 0 as used from subdomain_days
        where domain = $1 and day between $2 and $3 group by name)
     select coalesce(sum(failed) filter (where used), 0)::bigint as used, coalesce(sum(failed) filter (where not used), 0)::bigint as unused
       from names`,
    [domain, from, to],
  );
  return found ?? { used: 0, unused: 0 };
}

/** A sender of a domain in a range. */
export interface SenderLine {
  sender: string;
  name: string;
  class: string;
  why: string;
  sources: number;
  messages: number;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
  failed_delivered: number;
  last_day: string;
  /** Messages in as many days before; null where reports do not go back so far. */
  before: number | null;
}

/** The senders of a domain, those with the most mail first, and how many there are. */
export async function senderLines(
  reader: Reader,
  { domain, from, to }: Range,
  limit: number,
): Promise<{ senders: SenderLine[]; total: number }> {
  const rows = await readKept<SenderLine & { total: number }>(
    reader,
    ['reporter_days', 'sources', 'reporters'],
    `, ${OTHERS}, earlier as (
       select source, sum(messages) as messages from reporter_days
        where domain = $1 and day between $2::date - ($3::date - $2::date) - 1 and $2::date - 1 and ${COUNTS} group by source),
     sums as (
       select source, sum(messages) as messages, sum(passed) as passed, sum(dkim_aligned) as dkim_aligned, sum(spf_aligned) as spf_aligned,
              sum(failed_delivered) as failed_delivered, max(day) as last_day
         from reporter_days where domain = $1 and day between $2 and $3 and ${COUNTS} group by source)
     select s.grouped_as as sender, (array_agg(s.name order by s.name_confidence desc nulls last, t.messages desc))[1] as name,
            (array_agg(s.class order by t.messages desc))[1] as class, (array_agg(s.why order by t.messages desc))[1] as why,
            count(*) as sources, sum(t.messages)::bigint as messages, sum(t.passed)::bigint as passed,
            sum(t.dkim_aligned)::bigint as dkim_aligned, sum(t.spf_aligned)::bigint as spf_aligned,
            sum(t.failed_delivered)::bigint as failed_delivered, max(t.last_day) as last_day,
            case when (select min(first_seen) from sources where domain = $1) <= $2::date - ($3::date - $2::date) - 1
                 then coalesce(sum(e.messages), 0)::bigint end as before, count(*) over () as total
       from sums t join sources s on s.domain = $1 and s.source = t.source left join earlier e on e.source = t.source
      group by s.grouped_as order by messages desc, sender limit $4`,
    [domain, from, to, limit],
  );
  return { senders: rows.map(({ total: _, ...line }) => line), total: rows[0]?.total ?? 0 };
}

/** Whether a person may see a source of a domain, and it is there. */
export async function hasSource(reader: Reader, domain: string, source: string): Promise<boolean> {
  const rows = await read(reader, ['sources'], 'select source from sources where domain = $1 and source = $2', [domain, source]);
  return rows.length === 1;
}

/** A reporter of a domain in a range. */
export interface ReporterLine {
  reporter: string;
  messages: number;
  passed: number;
  delivered: number;
  quarantined: number;
  rejected: number;
  last_day: string;
  decides: boolean | null;
}

/** Who reports on a domain. */
export async function reporterLines(
  reader: Reader,
  { domain, from, to }: Range,
  limit: number,
): Promise<readonly ReporterLine[]> {
  return readKept<ReporterLine>(
    reader,
    ['domain_days', 'reporters'],
    `select d.reporter, sum(d.messages)::bigint as messages, sum(d.passed)::bigint as passed, sum(d.delivered)::bigint as delivered,
            sum(d.quarantined)::bigint as quarantined, sum(d.rejected)::bigint as rejected, max(d.day) as last_day, r.decides
       from domain_days d
       left join reporters r on r.domain = d.domain and r.reporter = d.reporter
      where d.domain = $1 and d.day between $2 and $3
      group by d.reporter, r.decides order by messages desc, d.reporter limit $4`,
    [domain, from, to, limit],
  );
}

/** A reporter of a domain that fell silent. */
export interface MissingLine {
  reporter: string;
  last_day: string;
  days_of_28: number;
  /** Whole days without a report: of today there is none yet. */
  missed_days: number;
  others_report: boolean;
}

/** The reporters of a domain that fell silent, the latest first. */
export async function missingLines(reader: Reader, domain: string, limit: number): Promise<readonly MissingLine[]> {
  return readKept<MissingLine>(
    reader,
    ['missing_reports'],
    `select reporter, last_day, days_of_28, silent_days - 1 as missed_days, others_report from missing_reports where domain = $1
      order by missed_days, reporter limit $2`,
    [domain, limit],
  );
}

/** How far a domain has come with its mail authentication. */
export type PostureLine = PostureRow;

/** The posture of a domain; null when the analyzer has not written it yet. */
export async function postureLine(reader: Reader, domain: string): Promise<PostureLine | null> {
  const [found] = await readKept<PostureLine>(
    reader,
    ['posture'],
    `select spf, dkim, dmarc, bimi, mta_sts, tls_rpt, stage, next_step, advice, publish_name, publish_value, blocked_by, checked_at
       from posture where domain = $1`,
    [domain],
  );
  return found ?? null;
}

/** Something wrong or unneeded in the records of a domain. */
export interface DnsFindingLine {
  code: string;
  severity: string | null;
  name: string;
  message: string;
  part: string | null;
  publish: string | null;
  since: Date;
}

/** What the newest check of a domain's records found, the worst first. */
export async function dnsFindingLines(reader: Reader, domain: string, limit: number): Promise<readonly DnsFindingLine[]> {
  return readKept<DnsFindingLine>(
    reader,
    ['dns_findings'],
    `select code, severity, name, message, part, publish, since from dns_findings where domain = $1
      order by array_position(array['error', 'warning', 'hint'], severity), name, code, message limit $2`,
    [domain, limit],
  );
}

/** A name below a domain. */
export interface SubdomainLine {
  name: string;
  messages: number;
  passed: number;
  failed_delivered: number;
  last_day: string;
}

/** The names below a domain under which mail was reported. */
export async function subdomainLines(
  reader: Reader,
  { domain, from, to }: Range,
  limit: number,
): Promise<readonly SubdomainLine[]> {
  return readKept<SubdomainLine>(
    reader,
    ['subdomain_days'],
    `select name, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(failed_delivered)::bigint as failed_delivered,
            max(day) as last_day
       from subdomain_days where domain = $1 and day between $2 and $3 group by name order by messages desc, name limit $4`,
    [domain, from, to, limit],
  );
}

/** A value of a DNS record of a domain. */
export interface RecordLine {
  purpose: string;
  name: string;
  type: string;
  value: string;
  published: boolean;
  first_seen: Date;
  gone_at: Date | null;
  unanswered_why: string | null;
  differ_since: Date | null;
}

/**
 * The DNS records of a domain as the watcher saw them: what is published, then what has gone, the newest
 * first.
 */
export async function recordLines(reader: Reader, domain: string, limit: number): Promise<readonly RecordLine[]> {
  return readKept<RecordLine>(
    reader,
    ['dns_records'],
    `select purpose, name, type, value, published, first_seen, gone_at, unanswered_why, differ_since from dns_records where domain = $1
      order by published desc, array_position(array['dmarc', 'spf', 'dkim', 'mx', 'mta_sts', 'tls_rpt', 'bimi'], purpose), name, gone_at desc limit $2`,
    [domain, limit],
  );
}

/** Something that happened to a domain: a row of the view timeline. */
export type TimelineEntry = Omit<TimelineRow, 'domain'>;

/** What happened to a domain since a day, the newest first. */
export async function timeline(reader: Reader, domain: string, from: string, limit: number): Promise<readonly TimelineEntry[]> {
  return readKept<TimelineEntry & Record<string, unknown>>(
    reader,
    ['timeline'],
    `select at, what, event, subject, actor, summary, finding_key, request_key from timeline
      where domain = $1 and at >= $2::date order by ${TIMELINE_ORDER} limit $3`,
    [domain, from, limit],
  );
}

/** When the watcher first saw a record of a domain: what it saw then was there before. */
export async function watchedSince(reader: Reader, domain: string): Promise<Date | null> {
  const [found] = await readKept<{ since: Date | null }>(
    reader,
    ['dns_records'],
    'select min(first_seen) as since from dns_records where domain = $1',
    [domain],
  );
  return found?.since ?? null;
}

/** Reports of a day that count and found a policy, as they spell it. */
export interface PolicyDayLine {
  day: string;
  policy: string;
  reports: number;
}

/** The policies that reports found, by day. */
export async function policyDays(reader: Reader, { domain, from, to }: Range): Promise<readonly PolicyDayLine[]> {
  return readKept<PolicyDayLine & Record<string, unknown>>(
    reader,
    ['policy_days', 'reporters'],
    `, ${OTHERS}
     select day, policy, sum(reports - untrusted)::bigint as reports from policy_days
      where domain = $1 and day between $2 and $3 and reports > untrusted and reporter not in (select reporter from others)
      group by day, policy order by day, policy`,
    [domain, from, to],
  );
}

export interface DomainState {
  state: string;
  policy: string | null;
  policy_sp: string | null;
  policy_np: string | null;
  last_report_at: Date | null;
  reason: string | null;
}

/** One line about a domain: what the view of domains has of it; null when it is not known. */
export async function domainLine(reader: Reader, domain: string): Promise<DomainState | null> {
  const [found] = await readKept<DomainState & Record<string, unknown>>(
    reader,
    ['domains'],
    'select state, policy, policy_sp, policy_np, last_report_at, reason from domains where domain = $1',
    [domain],
  );
  return found ?? null;
}
