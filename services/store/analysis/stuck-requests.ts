import type { Queryable } from '../../shared/runtime/db.ts';

/** A pending request that too few people are left for. */
export interface StuckRequest {
  request_key: number;
  domain: string;
  /** Of the stages that are left. */
  groups: string[];
  since: Date;
}

/**
 * Pending requests that the approver found to be beyond what the people of its groups can decide, the oldest
 * first.
 */
export async function loadStuckRequests(q: Queryable): Promise<StuckRequest[]> {
  const { rows } = await q.query<StuckRequest>(
    `select request_key, domain, unreachable_since as since,
            array(select stage ->> 'group' from jsonb_array_elements(rule -> 'stages') with ordinality s(stage, n) where n > r.stage order by n) as groups
       from ruawatch.requests r where state = 'pending' and unreachable_since is not null order by unreachable_since, request_key limit 1000`,
  );
  return rows;
}
