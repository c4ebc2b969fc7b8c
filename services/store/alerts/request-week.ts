import type { Tx } from '../../shared/runtime/db.ts';
import { auditHead } from '../requests/audit.ts';

/** What a digest says of requests. */
export interface RequestWeek {
  /** Waiting for a decision now. */
  waiting: number;
  /** When the oldest of them was opened; null without any. */
  oldest: Date | null;
  /** Decided by people within the week. */
  decided: number;
  /** Hours from opening to the decision, the median of these; null without any. */
  median_hours: number | null;
  /** Decisions by break-glass within the week, the oldest first. */
  overrides: { request_key: number; domain: string; person: string; why: string; at: Date }[];
  /** The audit chain's newest row. */
  head: string;
}

/** @returns null while nothing was ever requested */
export async function loadRequestWeek(
  tx: Tx,
  { domains, since, until }: { domains: readonly string[]; since: Date; until: Date },
): Promise<RequestWeek | null> {
  const head = await auditHead(tx);
  if (head.startsWith('0:')) return null;
  const { rows } = await tx.query<Pick<RequestWeek, 'waiting' | 'oldest' | 'decided' | 'median_hours'>>(
    `select count(*) filter (where state = 'pending')::int as waiting, min(created_at) filter (where state = 'pending') as oldest,
            count(*) filter (where decided)::int as decided,
            percentile_cont(0.5) within group (order by extract(epoch from decided_at - created_at) / 3600)
              filter (where decided) as median_hours
       from ruawatch.requests r
      cross join lateral (select rule ->> 'decide' = 'people' and decided_at >= $2 and decided_at < $3 as decided) d
      where ${THEIRS}`,
    [domains, since, until],
  );
  const { rows: overrides } = await tx.query<RequestWeek['overrides'][number]>(
    `select r.request_key, r.domain, e.actor as person, coalesce(d.why, '') as why, e.at
       from ruawatch.request_events e join ruawatch.requests r using (request_key)
       left join ruawatch.decisions d on d.request_key = r.request_key and d.person = e.actor
      where e.event = 'override' and e.at >= $2 and e.at < $3 and ${THEIRS} order by e.event_key`,
    [domains, since, until],
  );
  return { ...rows[0]!, overrides, head };
}

/** SQL: requests (`r`) about the domains of a list ($1), or names below them. */
const THEIRS = `exists (select from unnest($1::text[]) t where r.domain = t or right(r.domain, length(t) + 1) = '.' || t)`;
