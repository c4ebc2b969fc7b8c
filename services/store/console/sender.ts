import type { ReporterLine } from './domain.ts';
import type { RecordRow } from './reports.ts';
import { type Reader, read, readKept } from './scope.ts';

/** A day of a sender. */
export interface SenderDay {
  day: string;
  messages: number;
  passed: number;
  delivered: number;
}

/** Where to look: the sources of one sender, since a day. */
export interface Sender {
  domain: string;
  sources: readonly string[];
  from: string;
}

/** The mail of a sender by day, from reports that count. */
export async function senderDays(reader: Reader, { domain, sources, from }: Sender): Promise<readonly SenderDay[]> {
  return readKept<SenderDay>(
    reader,
    ['reporter_days'],
    `select day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(failed_delivered)::bigint as delivered
       from reporter_days where domain = $1 and source = any($2) and day >= $3 and counts group by day order by day`,
    [domain, sources, from],
  );
}

/** Who reports on a sender. */
export async function senderReporters(
  reader: Reader,
  { domain, sources, from }: Sender,
  limit: number,
): Promise<readonly ReporterLine[]> {
  return readKept<ReporterLine>(
    reader,
    ['reporter_days', 'reporters'],
    `select d.reporter, sum(d.messages)::bigint as messages, sum(d.passed)::bigint as passed, max(d.day) as last_day, r.decides
       from reporter_days d left join reporters r on r.domain = d.domain and r.reporter = d.reporter
      where d.domain = $1 and d.source = any($2) and d.day >= $3 and d.trust = 'ok'
      group by d.reporter, r.decides order by messages desc, d.reporter limit $4`,
    [domain, sources, from, limit],
  );
}

/** A record, and the report that has it. */
export interface SampleRecord extends RecordRow {
  report_key: number;
  reporter: string;
  begin_at: Date;
}

/** Reports that are looked through for samples: the newest. */
const REPORTS = 40;

/** Some of the newest records of a sender, those that fail first. */
export async function sampleRecords(
  reader: Reader,
  { domain, sources, from }: Sender,
  limit: number,
): Promise<readonly SampleRecord[]> {
  return readKept<SampleRecord>(
    reader,
    ['reports', 'records'],
    `, newest as materialized (
       select report_key, reporter, begin_at from reports where domain = $1 and begin_at >= $3::date and trust = 'ok'
        order by begin_at desc, report_key desc limit ${REPORTS})
     select r.report_key, n.reporter, r.begin_at, r.n, host(r.source_ip) as source_ip, r.count, r.disposition, r.header_from, r.dkim_aligned, r.spf_aligned,
            r.dmarc_pass, r.source, r.auth
       from newest n join records r on r.report_key = n.report_key and r.begin_at = n.begin_at
      where r.domain = $1 and r.begin_at >= $3::date and r.source = any($2)
      order by r.dmarc_pass, r.begin_at desc, r.count desc, r.report_key, r.n limit $4`,
    [domain, sources, from, limit],
  );
}

/** Something that was decided or found about a sender. */
export interface SenderEvent {
  at: Date;
  what: 'approved' | 'denied' | 'ended' | 'finding';
  by_name: string | null;
  text: string;
  finding_key: number | null;
  /** Of a finding: open or resolved. */
  state: string | null;
}

/** What people decided about the sources of a sender, and the findings about it, the newest first. */
export async function senderEvents(
  reader: Reader,
  { domain, sources, sender }: Pick<Sender, 'domain' | 'sources'> & { sender: string },
  limit: number,
): Promise<SenderEvent[]> {
  return read<SenderEvent>(
    reader,
    ['sender_list', 'findings'],
    `, told as (
       select since as at, verdict as what, by_name, why as text, null::bigint as finding_key, null::text as state from sender_list
        where domain = $1 and source = any($2)
       union all
       select ended_at, 'ended', ended_by, ended_why, null, null from sender_list where domain = $1 and source = any($2) and ended_at is not null
       union all
       select opened_at, 'finding', null, summary, finding_key, state from findings where domain = $1
        and (subject = $3 or subject = any($2) or evidence -> 'who' @> jsonb_build_array(jsonb_build_object('source', $3::text))
             or evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('sender', $3::text)) or evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('source', $3::text))))
     select * from told order by at desc limit $4`,
    [domain, sources, sender, limit],
  );
}

/** The senders that some sources of a domain belong to, by source or sender; without those that are not known. */
export async function sendersOf(reader: Reader, domain: string, sources: readonly string[]): Promise<Map<string, string>> {
  if (sources.length === 0) return new Map();
  const rows = await read<{ named: string; sender: string }>(
    reader,
    ['sources'],
    `select named, min(s.grouped_as) as sender from unnest($2::text[]) named
       join sources s on s.domain = $1 and (s.source = named or s.grouped_as = named) group by named`,
    [domain, [...new Set(sources)]],
  );
  return new Map(rows.map(({ named, sender }) => [named, sender]));
}

/** A change of the class of a source. */
export interface ClassChange {
  at: Date;
  source: string;
  was: string;
  class: string;
  why: string;
}

/** How the classes of the sources of a sender changed, the newest first. */
export async function classChanges(
  reader: Reader,
  { domain, sources }: Pick<Sender, 'domain' | 'sources'>,
  limit: number,
): Promise<ClassChange[]> {
  return read<ClassChange>(
    reader,
    ['class_changes'],
    `select at, source, was, class, why from class_changes where domain = $1 and source = any($2) order by at desc, source limit $3`,
    [domain, sources, limit],
  );
}
