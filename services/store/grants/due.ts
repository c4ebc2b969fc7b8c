import type { Queryable } from '../../shared/runtime/db.ts';
import { isKnown, serviceHolds } from './holders.ts';

/** A grant that has to end now, and why. */
export interface DueGrant {
  grant_key: number;
  request_key: number;
  reason: string;
}

/**
 * The grants that have to end now: their time is over by the database's clock or by that of the process,
 * their uses are used up, or their holder is nobody any more who may hold them.
 */
export async function dueGrants(q: Queryable, at: Date | null): Promise<DueGrant[]> {
  const { rows } = await q.query<DueGrant>(
    `with now as (select coalesce($1::timestamptz, clock_timestamp()) as at),
          known as (
            select person as holder, array_agg(name) as groups from ruawatch.approver_groups group by 1)
     select g.grant_key, g.request_key,
            case when g.ends_at <= now.at or g.ran_ms >= g.seconds * 1000::bigint then 'Its time is over.'
                 when g.used >= g.uses then 'It was used as often as was asked for.'
                 when g.holder_kind = 'service' then format('The service principal %s has ended, or its owner is gone.', g.holder)
                 else format('%s may not hold it any more: not in the settings, or no longer in a group that may.', g.holder) end as reason
       from ruawatch.grants g cross join now
       left join known k on k.holder = g.holder
      where g.state in ('applying', 'active')
        and ((g.state = 'active' and (g.ends_at <= now.at or g.ran_ms >= g.seconds * 1000::bigint or g.used >= g.uses))
          or not case when g.holder_kind = 'service'
                      then exists (select from ruawatch.people s where s.name = g.holder and ${serviceHolds('s', 'now.at')})
                      when cardinality(g.groups) > 0 then coalesce(k.groups && g.groups, false)
                      else ${isKnown('g.holder')} end)
      order by 1`,
    [at],
  );
  return rows;
}

/** What the keeper of grants has seen since it looked last. */
export interface Watched {
  /**
   * How long nobody looked, by the database's clock; negative when that was set back. Null the first time.
   */
  gap_ms: number | null;
  /** Whether the tables are other ones than last time: the database is a copy, or was restored. */
  copied: boolean;
  /** How many rows the audit chain has. */
  head: number;
  at: Date;
}

/** SQL: what a copy of the database does not share (migration 0080). */
const PRINT = 'ruawatch.database_print()';

/**
 * What was seen since somebody looked last. `noteLook` notes that it was looked: after what ends because of
 * it has ended, so that whoever is stopped in between begins anew.
 */
export async function lookAround(q: Queryable, at: Date | null): Promise<Watched> {
  const { rows } = await q.query<Watched>(
    `select (extract(epoch from now.at - seen_at) * 1000)::bigint as gap_ms, coalesce(print <> ${PRINT}, false) as copied, now.at,
            (select number from ruawatch.audit_head) as head
       from ruawatch.grant_watch cross join (select coalesce($1::timestamptz, clock_timestamp()) as at) now`,
    [at],
  );
  return rows[0]!;
}

/** @param at when it was looked, as `lookAround` says */
export async function noteLook(q: Queryable, at: Date): Promise<void> {
  await q.query(`update ruawatch.grant_watch set seen_at = $1, print = ${PRINT}`, [at]);
}

/**
 * Whether the database is a copy that nobody has looked at yet: nothing that was approved in it is carried
 * out.
 */
export async function isNewCopy(q: Queryable): Promise<boolean> {
  const { rows } = await q.query<{ copied: boolean }>('select ruawatch.is_new_copy() as copied');
  return rows[0]!.copied;
}

/** Adds the time that a process measured to all grants that are lent. */
export async function addRunTime(q: Queryable, ms: number): Promise<void> {
  await q.query("update ruawatch.grants set ran_ms = ran_ms + $1 where state = 'active'", [Math.round(ms)]);
}

/**
 * All grants that are asked for and approved, being lent, or lent: what ends when a database was restored.
 */
export async function unsafeAfterRestore(q: Queryable): Promise<{ grant_key: number; request_key: number }[]> {
  const { rows } = await q.query<{ grant_key: number; request_key: number }>(
    `select g.grant_key, g.request_key from ruawatch.grants g join ruawatch.requests r using (request_key)
      where g.state in ('applying', 'active') or (g.state = 'asked' and r.state = 'approved') order by 1`,
  );
  return rows;
}

/** Names of rights that the store knows and that may still be at their target. */
export async function namesThatMayBe(q: Queryable): Promise<Set<string>> {
  const { rows } = await q.query<{ name: string }>(
    "select name from ruawatch.grants where state in ('applying', 'active', 'ending')",
  );
  return new Set(rows.map(({ name }) => name));
}
