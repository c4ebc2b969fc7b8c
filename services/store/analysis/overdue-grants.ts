import type { Queryable } from '../../shared/runtime/db.ts';

/** A right that is over, or that no grant is for, and that its target may still have. */
export interface OverdueGrant {
  /** Null of a right that no grant is for. */
  grant_key: number | null;
  holder: string | null;
  server: string;
  name: string;
  answer: string | null;
  since: Date;
}

/** How long the end of a right may take; or its time may be over without anything ending it. */
const PATIENCE = '2 minutes';

/**
 * Rights whose end has not been confirmed by their targets, the oldest first. Targets are asked what they
 * have every minute.
 */
export async function loadOverdueGrants(q: Queryable): Promise<OverdueGrant[]> {
  const { rows } = await q.query<OverdueGrant>(
    `select grant_key, holder, server, name, answer, coalesce(end_since, ends_at) as since from ruawatch.grants
      where (state = 'ending' and end_since < clock_timestamp() - interval '${PATIENCE}')
         or (state = 'active' and ends_at < clock_timestamp() - interval '${PATIENCE}')
     union all
     select null, null, server, name, answer, since from ruawatch.stray_rights where since < clock_timestamp() - interval '${PATIENCE}'
      order by 6, 1 limit 1000`,
  );
  return rows;
}
