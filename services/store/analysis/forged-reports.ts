import type { Tx } from '../../shared/runtime/db.ts';

/** Reports in a reporter's name that do not come from it, as one sender brought them on one UTC day. */
export interface ForgedDay {
  reporter: string;
  /** The domain of the mails' From fields; null when they had none. */
  sender: string | null;
  /** The day they arrived: what they say of their own day is the forger's choice. */
  day: string;
  reports: number;
  messages: number;
  /** Authentic for another domain than the reporter's. */
  mismatched: number;
  /** Contradict a proven report of the same identity. */
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
 * What came in the names of reporters since `from` and is not from them, the newest days first; and what did
 * come from them.
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
        -- A proven report is hardly older than a month when it comes; its begin has the index.
        and begin_at >= $3::date - interval '31 days'
      group by reporter`,
    [domain, [...new Set(forged.map((f) => f.reporter))], from],
  );
  return { forged, genuine };
}
