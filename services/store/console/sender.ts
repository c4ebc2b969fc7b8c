import { aboutSql, basisSql, DECISIVE_FIRST } from '../sources/sender-list.ts';
import { OTHERS, type ReporterLine } from './domain.ts';
import type { RecordRow } from './reports.ts';
import { type Reader, read, readKept } from './scope.ts';
import { TITLE_COLUMNS, type TitleColumns, titled } from './titled.ts';

/** A source of a sender: seen when, and its mail since a day. */
export interface SourceLine {
  source: string;
  name: string;
  class: string;
  why: string;
  evidence: string | null;
  /** What names it; null where nothing does. */
  identified_by: string | null;
  asn: number | null;
  owner: string | null;
  country: string | null;
  first_seen: string;
  last_seen: string;
  /** Since that day, in reports that count. */
  messages: number;
  passed: number;
  /** Since that day, in proven reports that do not count, and in those that are not proven. */
  uncounted: number;
  /** The first of its newest days, on which most of its mail fails; null where it passes, or is not yours. */
  failing_since: string | null;
  /** A person's decision that holds, about it, about its service, or about either for all domains. */
  entry_key: number | null;
  /** The decision is not about this source of this domain alone. */
  wider: boolean | null;
  verdict: 'approved' | 'denied' | null;
  by_name: string | null;
  decided_at: Date | null;
  decided_why: string | null;
  /** Until when the decision holds; null for good. */
  decided_until: Date | null;
  /** What a decision about it rests on (basisSql). */
  basis: string;
  /** Something was decided about it, or taken back, that its class does not rest on yet. */
  pending: boolean;
}

/** A row `s` of the sources, as SQL. */
const OF_SOURCE = { domain: 's.domain', source: 's.source', service: 's.grouped_as' };

/** The sources of a sender, those with the most mail first. */
export async function sourceLines(
  reader: Reader,
  { domain, sender, from }: { domain: string; sender: string; from: string },
  limit: number,
): Promise<SourceLine[]> {
  return read<SourceLine>(
    reader,
    ['sources', 'sender_list', 'reporter_days'],
    `, sums as (
       select d.source, coalesce(sum(d.messages) filter (where d.counts), 0)::bigint as messages,
              coalesce(sum(d.passed) filter (where d.counts), 0)::bigint as passed,
              coalesce(sum(d.messages) filter (where not d.counts), 0)::bigint as uncounted
         from reporter_days d
        where d.domain = $1 and d.day >= $4 and d.source in (select source from sources where domain = $1 and grouped_as = $2)
        group by d.source)
     select s.source, s.name, s.class, s.why, s.evidence, s.identified_by, s.asn, s.owner, s.country, s.first_seen, s.last_seen, s.failing_since, coalesce(t.messages, 0) as messages,
            coalesce(t.passed, 0) as passed, coalesce(t.uncounted, 0) as uncounted,
            l.entry_key, l.is_service or l.domain = '*' as wider, l.verdict, l.by_name, l.since as decided_at, l.why as decided_why,
            l.until as decided_until, ${basisSql('sender_list', OF_SOURCE)} as basis,
            coalesce((select max(greatest(l.since, l.ended_at)) from sender_list l where ${aboutSql(OF_SOURCE)}) > s.classified_at, false) as pending
       from sources s
       left join sums t on t.source = s.source
       left join lateral (select * from sender_list l where ${aboutSql(OF_SOURCE)} and l.ended_at is null
                           order by ${DECISIVE_FIRST} limit 1) l on true
      where s.domain = $1 and s.grouped_as = $2 order by messages desc, s.messages desc, s.source limit $3`,
    [domain, sender, limit, from],
  );
}

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

/** The same of several sources or whole senders together, as findings name them. */
export async function namedDays(
  reader: Reader,
  { domain, names, from, to }: { domain: string; names: readonly string[]; from: string; to: string },
): Promise<readonly SenderDay[]> {
  return read<SenderDay>(
    reader,
    ['reporter_days', 'sources'],
    `select day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(failed_delivered)::bigint as delivered
       from reporter_days
      where domain = $1 and day between $3 and $4 and counts
        and source in (select source from sources where domain = $1 and (source = any($2) or grouped_as = any($2)))
      group by day order by day`,
    [domain, names, from, to],
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
    `select d.reporter, sum(d.messages)::bigint as messages, sum(d.passed)::bigint as passed, sum(d.delivered)::bigint as delivered,
            sum(d.quarantined)::bigint as quarantined, sum(d.rejected)::bigint as rejected, max(d.day) as last_day, r.decides
       from reporter_days d left join reporters r on r.domain = d.domain and r.reporter = d.reporter
      where d.domain = $1 and d.source = any($2) and d.day >= $3 and d.trust = 'ok'
      group by d.reporter, r.decides order by messages desc, d.reporter limit $4`,
    [domain, sources, from, limit],
  );
}

/** Who reports on several sources or whole senders together, on some days. */
export async function namedReporters(
  reader: Reader,
  { domain, names, from, to }: { domain: string; names: readonly string[]; from: string; to: string },
  limit: number,
): Promise<readonly ReporterLine[]> {
  return read<ReporterLine & Record<string, unknown>>(
    reader,
    ['reporter_days', 'reporters', 'sources'],
    `select d.reporter, sum(d.messages)::bigint as messages, sum(d.passed)::bigint as passed, sum(d.delivered)::bigint as delivered,
            sum(d.quarantined)::bigint as quarantined, sum(d.rejected)::bigint as rejected, max(d.day) as last_day, r.decides
       from reporter_days d left join reporters r on r.domain = d.domain and r.reporter = d.reporter
      where d.domain = $1 and d.day between $3 and $4 and d.trust = 'ok'
        and d.source in (select source from sources where domain = $1 and (source = any($2) or grouped_as = any($2)))
      group by d.reporter, r.decides order by messages desc, d.reporter limit $5`,
    [domain, names, from, to, limit],
  );
}

/** A record, and the report that has it. */
export interface SampleRecord extends RecordRow {
  report_key: number;
  reporter: string;
  begin_at: Date;
}

/**
 * Reports that are looked through for samples: the newest, and the newest in which mail of the sender was
 * stopped.
 */
const REPORTS = 40;
const STOPPED = 10;

/**
 * Some of the newest records of a sender in reports that count: those that fail first, delivered and stopped
 * in turn.
 */
export async function sampleRecords(
  reader: Reader,
  { domain, sources, from }: Sender,
  limit: number,
): Promise<readonly SampleRecord[]> {
  return readKept<SampleRecord>(
    reader,
    ['reports', 'records', 'reporter_days', 'reporters'],
    `, ${OTHERS},
     stopped as materialized (
       select day, reporter from reporter_days
        where domain = $1 and source = any($2) and day >= $3 and counts and quarantined + rejected > 0 order by day desc, reporter limit ${STOPPED}),
     newest as materialized (
       (select report_key, reporter, begin_at from reports
         where domain = $1 and begin_at >= $3::date and trust = 'ok' and reporter not in (select reporter from others)
         order by begin_at desc, report_key desc limit ${REPORTS})
       union
       select p.report_key, p.reporter, p.begin_at from stopped s
         join reports p on p.domain = $1 and p.reporter = s.reporter and p.trust = 'ok' and p.begin_at >= s.day and p.begin_at < s.day + 1)
     select r.report_key, n.reporter, r.begin_at, r.n, host(r.source_ip) as source_ip, r.count, r.disposition, r.header_from, r.dkim_aligned, r.spf_aligned,
            r.dmarc_pass, r.source, r.auth
       from newest n join records r on r.report_key = n.report_key and r.begin_at = n.begin_at
      where r.domain = $1 and r.begin_at >= $3::date and r.source = any($2)
      order by r.dmarc_pass,
               row_number() over (partition by r.dmarc_pass, coalesce(r.disposition, 'none') in ('none', 'pass') order by r.begin_at desc, r.count desc, r.report_key, r.n),
               r.begin_at desc, r.report_key, r.n limit $4`,
    [domain, sources, from, limit],
  );
}

/** A DKIM key, and what it signed of the domain's mail. */
export interface KeyLine {
  selector: string;
  signing_domain: string;
  messages: number;
  passed: number;
  /** The last day on which it verified; null: never. */
  last_seen: string | null;
}

/** The keys of a domain that have some of these selectors. */
export async function keyLines(reader: Reader, domain: string, selectors: readonly string[]): Promise<readonly KeyLine[]> {
  if (selectors.length === 0) return [];
  return readKept<KeyLine & Record<string, unknown>>(
    reader,
    ['selectors'],
    `select selector, signing_domain, messages, passed, last_seen from selectors where domain = $1 and selector = any($2)
      order by messages desc, selector, signing_domain`,
    [domain, [...new Set(selectors)]],
  );
}

/** Something that was decided or found about a sender. */
export interface SenderEvent {
  at: Date;
  what: 'approved' | 'denied' | 'ended' | 'finding';
  by_name: string | null;
  /** The reason of a decision, or the title of a finding. */
  text: string;
  /** The sources that a decision was taken about at once; of a finding, none. */
  sources: readonly string[];
  finding_key: number | null;
  /** Of a finding: open or resolved. */
  state: string | null;
  /** Of a decision: until when it holds; null for good. */
  until: Date | null;
}

/** What people decided about the sources of a sender, and the findings about it, the newest first. */
export async function senderEvents(
  reader: Reader,
  { domain, sources, sender }: Pick<Sender, 'domain' | 'sources'> & { sender: string },
  limit: number,
): Promise<SenderEvent[]> {
  const rows = await read<SenderEvent & TitleColumns>(
    reader,
    ['sender_list', 'findings'],
    `, told as (
       select since as at, verdict as what, by_name, why as text, null::bigint as finding_key, null::text as state,
              min(domain) as domain, null::text as subject, null::text as summary, null::jsonb as evidence, until,
              array_agg(source order by source) as sources from sender_list
        where domain = $1 and source = any($2) group by since, verdict, by_name, why, until
       union all
       select ended_at, 'ended', ended_by, ended_why, null, null, min(domain), null, null, null, null,
              array_agg(source order by source) from sender_list
        where domain = $1 and source = any($2) and ended_at is not null group by ended_at, ended_by, ended_why
       union all
       select opened_at, 'finding', null, null, finding_key, state, ${TITLE_COLUMNS}, null, '{}'::text[] from findings f where domain = $1
        and (subject = any($2) or subject = $3 or exists (select from unnest($2::text[] || $3::text) n
               where f.evidence -> 'who' @> jsonb_build_array(jsonb_build_object('source', n))
                  or f.evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('sender', n))
                  or f.evidence -> 'broken' @> jsonb_build_array(jsonb_build_object('source', n)))))
     select * from told order by at desc limit $4`,
    [domain, sources, sender, limit],
  );
  return rows.map(({ at, what, by_name, text, finding_key, state, until, sources: about, ...finding }) => ({
    at,
    what,
    by_name,
    text: finding_key === null ? text : titled(finding).title,
    finding_key,
    state,
    until,
    sources: about,
  }));
}

/**
 * The senders that some sources of a domain belong to, by source or sender; without those that are not known.
 */
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

/** A decision that holds about a source, about its service, or about either for all domains. */
export interface StandingDecision {
  entry_key: number;
  /** What it names: the source or the service. */
  named: string;
  /** It is about more than this source of this domain. */
  wider: boolean;
  /** It is for all domains. */
  everywhere: boolean;
  source: string;
  /** The sender that has a page. */
  sender: string;
  verdict: 'approved' | 'denied';
  by_name: string;
  why: string;
  since: Date;
  until: Date | null;
  /** What another decision about it rests on (basisSql). */
  basis: string;
}

/** The decisions that hold about some sources, the newest first. */
export async function standingDecisions(
  reader: Reader,
  domain: string,
  sources: readonly string[],
): Promise<readonly StandingDecision[]> {
  return read<StandingDecision & Record<string, unknown>>(
    reader,
    ['sender_list', 'sources'],
    `select * from (
       select distinct on (l.entry_key) l.entry_key, l.source as named, l.is_service or l.domain = '*' as wider, l.domain = '*' as everywhere,
              s.source, s.grouped_as as sender, l.verdict, l.by_name, l.why, l.since, l.until, ${basisSql('sender_list', OF_SOURCE)} as basis
         from sources s join sender_list l on ${aboutSql(OF_SOURCE)}
        where s.domain = $1 and (s.source = any($2) or s.grouped_as = any($2)) and l.ended_at is null and s.grouped_as is not null
        order by l.entry_key, s.source) found
      order by since desc, named`,
    [domain, [...new Set(sources)]],
  );
}

/** What a person decided about a sender of a domain. */
export interface DecisionLine {
  source: string;
  /** The sender that has a page; null where no mail of the source is known. */
  sender: string | null;
  verdict: 'approved' | 'denied';
  by_name: string;
  why: string;
  since: Date;
  until: Date | null;
  ended_at: Date | null;
  ended_by: string | null;
  ended_why: string | null;
}

/** What people decided about the senders of a domain: what holds, then what has ended, the newest first. */
export async function decisionLines(reader: Reader, domain: string, limit: number): Promise<readonly DecisionLine[]> {
  return readKept<DecisionLine & Record<string, unknown>>(
    reader,
    ['sender_list', 'sources'],
    `select l.source, s.grouped_as as sender, l.verdict, l.by_name, l.why, l.since, l.until, l.ended_at, l.ended_by, l.ended_why
       from sender_list l left join sources s on s.domain = l.domain and s.source = l.source
      where l.domain = $1 order by l.ended_at is not null, l.since desc, l.source limit $2`,
    [domain, limit],
  );
}
