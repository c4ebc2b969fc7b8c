import type { ReleaseEvidence } from '../../requests/plans/release.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

const DAYS = 30;

/** Mails of the last 30 days that say they are from the same domain and were held, by how they ended. */
export async function similarHeld(q: Queryable, from_domain: string | null, now: Date): Promise<ReleaseEvidence['similar']> {
  const { rows } = await q.query<ReleaseEvidence['similar']>(
    `select count(*)::int as held, count(*) filter (where state = 'released')::int as released,
            count(*) filter (where state in ('rejected', 'deleted', 'expired'))::int as stopped
       from ruawatch.held_messages where header_from_domain = $1 and held_at > $2::timestamptz - make_interval(days => ${DAYS})`,
    [from_domain, now],
  );
  return rows[0]!;
}
