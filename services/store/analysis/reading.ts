import type { Queryable } from '../../shared/runtime/db.ts';

/** The mails that arrived on one UTC day. */
export interface MailDay {
  day: string;
  /** Reports were read from them. */
  read: number;
  /** They were set aside: quarantined, or given up. */
  aside: number;
}

/** Mails that were set aside, of one sender's domain and code. */
export interface AsideMails {
  /** The domain in the From field, which proves nothing; empty where there is none. */
  sender: string;
  code: string;
  mails: number;
  /** The days on which the first and the last of them arrived. */
  first_day: string;
  last_day: string;
}

/** The aggregate reports that arrived on one UTC day in the name of a reporter. */
export interface ReporterArrivals {
  reporter: string;
  day: string;
  /** They count. */
  good: number;
  /** They were not proven to be the reporter's. */
  bad: number;
}

/** Reports in the name of a reporter that two readers read in different ways. */
export interface DifferingReports {
  reporter: string;
  reports: number;
  /** Those that count. */
  proven: number;
  /** The days on which the first and the last of them arrived. */
  first_day: string;
  last_day: string;
}

/** Domains and codes that are distinguished: anybody can invent senders. */
const MOST_SENDERS = 20_000;

/**
 * Days from `from` on without any mail are absent. Mails that are no reports (`ignored`) count as neither.
 */
export async function loadMailDays(q: Queryable, from: string): Promise<MailDay[]> {
  const { rows } = await q.query<MailDay>(
    `select (received_at at time zone 'UTC')::date as day, count(*) filter (where state = 'stored')::int as read,
            count(*) filter (where state in ('quarantined', 'failed'))::int as aside
       from ruawatch.messages
      where received_at >= $1::date::timestamp at time zone 'UTC' and state in ('stored', 'quarantined', 'failed')
      group by 1 order by 1`,
    [from],
  );
  return rows;
}

/** The mails that were set aside and arrived from a day on, the largest groups first. */
export async function loadAside(q: Queryable, from: string): Promise<AsideMails[]> {
  const { rows } = await q.query<AsideMails>(
    `select coalesce(lower(rtrim(split_part(sender, '@', -1), '> ')), '') as sender, coalesce(code, 'none') as code, count(*)::int as mails,
            min((received_at at time zone 'UTC')::date) as first_day, max((received_at at time zone 'UTC')::date) as last_day
       from ruawatch.messages
      where received_at >= $1::date::timestamp at time zone 'UTC' and state in ('quarantined', 'failed')
      group by 1, 2 order by 3 desc, 1, 2 limit ${MOST_SENDERS}`,
    [from],
  );
  return rows;
}

/** What arrived in the name of some reporters from a day on. */
export async function loadReporterArrivals(
  q: Queryable,
  reporters: readonly string[],
  from: string,
): Promise<ReporterArrivals[]> {
  const { rows } = await q.query<ReporterArrivals>(
    `select reporter, (received_at at time zone 'UTC')::date as day, count(*) filter (where trust = 'ok')::int as good,
            count(*) filter (where trust = 'bad')::int as bad
       from ruawatch.reports
      where received_at >= $2::date::timestamp at time zone 'UTC' and reporter = any($1::text[]) and superseded_by is null
      group by 1, 2 order by 1, 2`,
    [reporters, from],
  );
  return rows;
}

/** The reports with the problem `readers_differ` that arrived from a day on, the largest groups first. */
export async function loadDiffering(q: Queryable, from: string): Promise<DifferingReports[]> {
  const { rows } = await q.query<DifferingReports>(
    `select reporter, count(*)::int as reports, count(*) filter (where trust = 'ok')::int as proven,
            min((received_at at time zone 'UTC')::date) as first_day, max((received_at at time zone 'UTC')::date) as last_day
       from ruawatch.reports
      where received_at >= $1::date::timestamp at time zone 'UTC' and problems @> '[{"code": "readers_differ"}]'
      group by 1 order by 2 desc, 1 limit ${MOST_SENDERS}`,
    [from],
  );
  return rows;
}
