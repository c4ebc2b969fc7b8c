import { readPlan } from '../../requests/plan.ts';
import type { Past } from '../../requests/simulate.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

const MOST = 100_000;

/**
 * Requests of the past for a simulation, the oldest first; reviews of break-glass are left out, since no rule
 * of the settings decides about them.
 * @returns also how many have a plan that is not what its digest says
 */
export async function pastRequests(
  q: Queryable,
  { from, to }: { from: Date | null; to: Date | null },
): Promise<{ past: Past[]; unread: number }> {
  const { rows } = await q.query<Omit<Past, 'plan'> & { plan: string; digest: string }>(
    `select request_key, plan, digest, requester, requester_kind, created_at, state, rule ->> 'rule' as rule,
            case when emergency then 'emergency' when rule ->> 'decide' = 'automatic' then 'rule'
                 when decided_at is not null then 'people' else 'nobody' end as by,
            case when decided_at is null then null when state = 'denied' then 'denied' else 'approved' end as decision
       from ruawatch.requests
      where kind <> 'review' and ($1::timestamptz is null or created_at >= $1) and ($2::timestamptz is null or created_at < $2)
      order by created_at, request_key limit ${MOST}`,
    [from, to],
  );
  const past: Past[] = [];
  let unread = 0;
  for (const { plan, digest, ...row } of rows) {
    try {
      past.push({ ...row, plan: readPlan({ text: plan, digest }) });
    } catch {
      // The digest of a plan that was changed does not fit: the audit finds it, and it decides nothing here.
      unread += 1;
    }
  }
  return { past, unread };
}
