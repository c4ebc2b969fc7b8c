import type { Tx } from '../../shared/runtime/db.ts';

/** Forged reports in a reporter's name, by their sender and UTC day. */
export interface ForgedDay {
  reporter: string;
  /** The domain of the mails' From fields; null when they had none. */
  sender: string | null;
  /** The day they arrived: the forger chooses the days in the reports. */
  day: string;
  reports: number;
  messages: number;
  /** Reports whose mail is authentic for another domain than the reporter's. */
  mismatched: number;
  /** Reports that contradict a proven report with the same identity. */
  contradicting: number;
}

/** Proven reports of a reporter. */
export interface GenuineReports {
  reporter: string;
  reports: number;
  messages: number;
  last_day: string;
}

/**
 * Loads the forged reports in the names of reporters since `from`, the newest days first, and the genuine
 * reports of these reporters.
 */
export async function loadForged(
  tx: Tx,
  domain: string,
  from: string,
  limit: number,
): Promise<{ forged: ForgedDay[]; genuine: GenuineReports[] }> {
  const { rows: forged } = await tx.query<ForgedDay>(
    `select r.reporter, r.trust_domain as sender, (r.received_at at time zone 'UTC')::date as day, count(*) as reports,
            sum(r.messages) as messages, count(*) filter (where r.reporter_trust = 'mismatched') as mismatched,
            count(*) filter (where exists (
              select from ruawatch.reports o
               where o.identity = r.identity and o.content_hash <> r.content_hash and o.reporter_trust = 'authenticated')) as contradicting
       from ruawatch.reports r
      where r.domain = $1 and r.trust = 'bad' and r.received_at >= $2::date::timestamp at time zone 'UTC'
      group by 1, 2, 3
      order by day desc, reporter, sender limit $3`,
    [domain, from, limit],
  );
  if (forged.length === 0) return { forged, genuine: [] };
  const { rows: genuine } = await tx.query<GenuineReports>(
    `select reporter, count(*) as reports, sum(messages) as messages, max((received_at at time zone 'UTC')::date) as last_day
       from ruawatch.reports
      where domain = $1 and reporter = any($2::text[]) and reporter_trust = 'authenticated'
        and received_at >= $3::date::timestamp at time zone 'UTC'
        -- A proven report is hardly older than a month when it arrives; its begin is indexed.
        and begin_at >= $3::date - interval '31 days'
      group by reporter`,
    [domain, [...new Set(forged.map((f) => f.reporter))], from],
  );
  return { forged, genuine };
}
