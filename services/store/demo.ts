import type { Queryable } from '../shared/runtime/db.ts';
import { gravestFirst } from './findings/gravest-first.ts';

/* What the demo shows, and how it starts over. Nothing else uses it. */

/**
 * How far the pipeline has come: what is stored, and what still waits between the mailbox and the last alert
 * mail.
 */
export interface PipelineCounts {
  messages: number;
  received: number;
  reports: number;
  records: number;
  /** Reports that wait for the verification of their mails. */
  unverified: number;
  analysis: number;
  events: number;
  outbox: number;
}

/** Counts what has arrived and what still waits. */
export async function countPipeline(db: Queryable): Promise<PipelineCounts> {
  const { rows } = await db.query<PipelineCounts>(
    `select (select count(*) from ruawatch.messages) as messages,
            (select count(*) from ruawatch.messages where state = 'received') as received,
            (select count(*) from ruawatch.reports where superseded_by is null) as reports,
            (select coalesce(sum(records), 0) from ruawatch.reports where superseded_by is null) as records,
            (select count(*) from ruawatch.trust_checks) + (select count(*) from ruawatch.other_checks) as unverified,
            (select count(*) from ruawatch.analysis_work) as analysis,
            (select count(*) from ruawatch.finding_events where handled_at is null and notify) as events,
            (select count(*) from ruawatch.outbox where state = 'pending') as outbox`,
  );
  return rows[0]!;
}

/** How many look-alikes were not asked about yet, and how many changed since they were. */
export async function summariseLookalikes(db: Queryable): Promise<{ unasked: number; changed: number }> {
  const { rows } = await db.query<{ unasked: number; changed: number }>(
    `select case when count(*) = 0 then 1 else count(*) filter (where answered_at is null) end as unasked, count(change) as changed
       from ruawatch.lookalikes`,
  );
  return rows[0]!;
}

/** Lets the watcher ask about all look-alikes at once, as on the next day. */
export async function askLookalikesAgain(db: Queryable): Promise<void> {
  await db.query('update ruawatch.lookalikes set due_at = now()');
}

export interface SourceSummary {
  domain: string;
  source: string;
  class: string;
  messages: number;
  passed: number;
  why: string;
}

const CLASS_ORDER = ['authorized', 'forwarded', 'misaligned', 'unauthorized', 'unknown'];

/**
 * The sources of every domain according to trusted reports, by class, the largest first. The unauthorized
 * networks of a domain are one line.
 */
export async function summariseSources(db: Queryable): Promise<SourceSummary[]> {
  const { rows } = await db.query<SourceSummary>(
    `select s.domain, s.source, s.class, s.why, sum(d.messages) as messages, sum(d.passed) as passed
       from dmarc.sources s join dmarc.reporter_days d on d.domain = s.domain and d.source = s.source and d.trust = 'ok'
      group by s.domain, s.source, s.class, s.why`,
  );
  const lines = rows.filter((row) => row.class !== 'unauthorized');
  const unauthorized = rows.filter((row) => row.class === 'unauthorized');
  for (const domain of new Set(unauthorized.map((row) => row.domain))) {
    const group = unauthorized.filter((row) => row.domain === domain);
    const sum = (of: (row: SourceSummary) => number) => group.reduce((n, row) => n + of(row), 0);
    const source = group.length === 1 ? group[0]!.source : `${group.length} networks`;
    lines.push({ ...group[0]!, source, messages: sum((r) => r.messages), passed: sum((r) => r.passed) });
  }
  return lines.sort(
    (a, b) =>
      a.domain.localeCompare(b.domain) || CLASS_ORDER.indexOf(a.class) - CLASS_ORDER.indexOf(b.class) || b.messages - a.messages,
  );
}

export interface FindingSummary {
  finding_key: number;
  domain: string;
  kind: string;
  subject: string;
  severity: string;
  state: string;
  summary: string;
}

export interface DnsSummary {
  domain: string;
  checked_at: Date;
  /** Look-ups that the SPF record costs; null when nobody could say. */
  spf_lookups: number | null;
  dmarc: string | null;
  /** Selectors of the keys that are published. */
  selectors: string[];
}

/** What the watcher found in DNS of each domain that it has checked. */
export async function summariseDns(db: Queryable): Promise<DnsSummary[]> {
  const { rows } = await db.query<DnsSummary>(
    `select c.domain, c.checked_at, c.spf_lookups,
            (select max(value) from ruawatch.dns_records r
              where r.domain = c.domain and purpose = 'dmarc' and name = '_dmarc.' || c.domain and gone_at is null) as dmarc,
            array(select distinct split_part(name, '._domainkey.', 1) from ruawatch.dns_records r
                   where r.domain = c.domain and purpose = 'dkim' and gone_at is null order by 1) as selectors
       from ruawatch.dns_checks c order by c.domain`,
  );
  return rows;
}

/** Findings: the open ones first, then by severity. */
export async function summariseFindings(db: Queryable): Promise<FindingSummary[]> {
  const { rows } = await db.query<FindingSummary>(
    `select finding_key, domain, kind, subject, severity, state, summary from dmarc.findings
      order by state, ${gravestFirst('severity')}, domain, kind, subject`,
  );
  return rows;
}

/**
 * Drops everything that ruawatch keeps in a database, its queue included: each run of the demo starts with an
 * empty one.
 */
export async function resetDatabase(db: Queryable): Promise<void> {
  await db.query('drop schema if exists dmarc, ruawatch, ruawatch_queue cascade');
}
