import { type Reader, read, readKept } from './scope.ts';

/** Which reports a list shows. */
export interface ReportFilter {
  domain?: string | undefined;
  /** A part of the reporter's key, or one of these keys. */
  reporter: string;
  reporters: readonly string[];
  trust?: string | undefined;
  salvaged: boolean;
  /** UTC days on which they begin, both included. */
  from?: string | undefined;
  to?: string | undefined;
  /** A sender of the domain, or one of its sources, of which they tell. */
  sender?: string | undefined;
  limit: number;
  offset: number;
}

/** A report in a list. */
export interface ReportLine {
  report_key: number;
  reporter: string;
  domain: string;
  begin_at: Date;
  end_at: Date;
  records: number;
  messages: number;
  trust: string;
  salvaged: boolean;
  duplicates: number;
}

/** How a reporter stands with a domain; null where every proven report counts. */
export interface ReporterStanding {
  standing: string;
  decides: boolean;
}

/** How far the word of a reporter counts for a domain. */
export async function reporterStanding(reader: Reader, domain: string, reporter: string): Promise<ReporterStanding | null> {
  const [found] = await read<ReporterStanding & Record<string, unknown>>(
    reader,
    ['reporters'],
    'select standing, decides from reporters where domain = $1 and reporter = $2',
    [domain, reporter],
  );
  return found ?? null;
}

/** A report in a list that may be about one sender. */
export interface ListedReport extends ReportLine {
  /** Whether its reporter counts for the domain. */
  counts: boolean;
  /** Of the sender that was asked for: its messages, and what failed of them and was delivered or not. */
  of_sender: number | null;
  failed_delivered: number | null;
  failed_stopped: number | null;
}

/** The reports that a person may see, the newest first. */
export async function reportLines(reader: Reader, filter: ReportFilter): Promise<readonly ListedReport[]> {
  return readKept<ListedReport & Record<string, unknown>>(
    reader,
    ['reports', 'reporters', 'records', 'sources'],
    `, named as (select source from sources where domain = $1 and (grouped_as = $9 or source = $9)),
     chosen as materialized (
     select report_key, reporter, domain, begin_at, end_at, records, messages, trust, salvaged, duplicates from reports p
      where ($1::text is null or domain = $1) and ($2 = '' or strpos(reporter, $2) > 0 or reporter = any($10)) and ($3::text is null or trust = $3)
        and (not $4 or salvaged) and ($7::date is null or begin_at >= $7) and ($8::date is null or begin_at < $8::date + 1)
        and ($9::text is null or exists (
          select from records r where r.report_key = p.report_key and r.begin_at = p.begin_at and r.source in (select source from named)))
      order by begin_at desc, report_key desc limit $5 offset $6)
     select c.*, not exists (
              select from reporters n where n.domain = c.domain and n.reporter = c.reporter and not n.decides) as counts,
            s.messages as of_sender, s.failed_delivered, s.failed_stopped
       from chosen c
       left join lateral (
         select sum(r.count)::bigint as messages,
                coalesce(sum(r.count) filter (where not r.dmarc_pass and coalesce(r.disposition, 'none') in ('none', 'pass')), 0)::bigint as failed_delivered,
                coalesce(sum(r.count) filter (where not r.dmarc_pass and r.disposition in ('quarantine', 'reject')), 0)::bigint as failed_stopped
           from records r
          where $9::text is not null and r.report_key = c.report_key and r.begin_at = c.begin_at and r.source in (select source from named)) s on true
      order by c.begin_at desc, c.report_key desc`,
    [
      filter.domain ?? null,
      filter.reporter,
      filter.trust ?? null,
      filter.salvaged,
      filter.limit,
      filter.offset,
      filter.from ?? null,
      filter.to ?? null,
      filter.sender ?? null,
      filter.reporters,
    ],
  );
}

/** When the newest proven report on a domain came. */
export interface Arrival {
  domain: string;
  received_at: Date;
}

/** A report may come after those that begin later: so many are looked at. */
const LATE_REPORTS = 20;

/** When the newest proven reports on some domains came, the newest first; without domains that have none. */
export async function newestArrivals(reader: Reader, domains: readonly string[]): Promise<Arrival[]> {
  return read<Arrival & Record<string, unknown>>(
    reader,
    ['reports'],
    `select d.domain, max(p.received_at) as received_at from unnest($1::text[]) d(domain)
      cross join lateral (select received_at from reports where domain = d.domain and trust = 'ok' order by begin_at desc limit $2) p
      group by d.domain order by received_at desc, d.domain`,
    [domains, LATE_REPORTS],
  );
}

/** A report, with all that the view of reports has. */
export interface ShownReport extends ReportLine {
  message_key: number;
  org_name: string | null;
  org_email: string | null;
  report_id: string;
  policy_p: string | null;
  policy_sp: string | null;
  adkim: string | null;
  aspf: string | null;
  received_at: Date;
  trust_reason: string | null;
  /** The domain of its mail's From field; verified where the verdict is `authenticated` or `mismatched`. */
  trust_domain: string | null;
  reporter_trust: string | null;
  problems: { code: string; message: string }[];
}

/** One report; null when there is none that the person may see. */
export async function visibleReport(reader: Reader, key: number): Promise<ShownReport | null> {
  const [found] = await read<ShownReport>(
    reader,
    ['reports'],
    `select report_key, reporter, domain, begin_at, end_at, records, messages, trust, salvaged, duplicates, org_name, org_email, report_id,
            policy_p, policy_sp, adkim, aspf, received_at, trust_reason, trust_domain, reporter_trust, problems, message_key
       from reports where report_key = $1`,
    [key],
  );
  return found ?? null;
}

/** A record of a report. */
export interface RecordRow {
  n: number;
  source_ip: string | null;
  count: number;
  disposition: string | null;
  header_from: string | null;
  dkim_aligned: boolean;
  spf_aligned: boolean;
  dmarc_pass: boolean;
  source: string;
  auth: {
    dkim?: { domain?: string | null; selector?: string | null; result?: string | null }[];
    spf?: { domain?: string | null; result?: string | null }[];
  };
}

/**
 * A record of a report that is shown whole: with whose mail it is, and whether its verdict follows from its
 * results.
 */
export interface SortedRecord extends RecordRow {
  sender: string | null;
  sender_name: string | null;
  class: string | null;
  /** Of DMARC, as the reporter says (policy_evaluated); null: it does not. */
  dkim_result: string | null;
  spf_result: string | null;
  contradicts: boolean;
}

/** Longer reports are shown in their own order: sorting them for each page costs too much. */
const SORTED = 20_000;

/**
 * The records of a report: those first whose verdict contradicts their results, then those that fail, each
 * with the most messages first.
 */
export async function recordsOfReport(
  reader: Reader,
  report: ShownReport,
  page: { limit: number; offset: number },
): Promise<SortedRecord[]> {
  const order = report.records > SORTED ? 'n' : 'contradicts desc, dmarc_pass, count desc, n';
  return read<SortedRecord>(
    reader,
    ['records', 'sources'],
    `, shown as materialized (
       select n, host(source_ip) as source_ip, count, disposition, header_from, dkim_aligned, spf_aligned, dmarc_pass, source, auth, dkim_result, spf_result,
              coalesce((dkim_result = 'pass' or spf_result = 'pass') <> dmarc_pass, false) as contradicts
         from records where report_key = $1 and begin_at = $2 order by ${order} limit $3 offset $4)
     select r.*, s.grouped_as as sender, s.name as sender_name, s.class from shown r
       left join sources s on s.domain = $5 and s.source = r.source order by ${order}`,
    [report.report_key, report.begin_at, page.limit, page.offset, report.domain],
  );
}

/** A mail that could not be read. */
export interface UnreadMail {
  message_key: number;
  mailbox: string;
  received_at: Date;
  sender: string | null;
  subject: string | null;
  size: number;
  state: string;
  code: string | null;
  reason: string | null;
}

/** The mails in quarantine and those that failed, the newest first: for those who see everything. */
export async function unreadMails(reader: Reader, page: { limit: number; offset: number }): Promise<UnreadMail[]> {
  return read<UnreadMail>(
    reader,
    ['messages'],
    `select message_key, mailbox, received_at, sender, subject, size, state, code, reason from messages
      where state in ('quarantined', 'failed') order by received_at desc, message_key desc limit $1 offset $2`,
    [page.limit, page.offset],
  );
}
