import type { Queryable } from '../../shared/runtime/db.ts';
import type { HeldRow } from './held.ts';

/** Which mails a process works on: those in the hold queue of its machine, or those in the store. */
export type Keeper = { kept_in: 'postfix'; host: string } | { kept_in: 'store' };

const MOST = 200;

/**
 * The held mails about which something is to be done: decided ones, those that a process left behind, and
 * copies in the hold queue of what is settled. The oldest first.
 */
export async function heldWork(q: Queryable, keeper: Keeper, at: Date | null): Promise<number[]> {
  const { rows } = await q.query<{ held_key: number }>(
    `select h.held_key from ruawatch.held_messages h join ruawatch.requests r using (request_key)
      where h.kept_in = $1 and ($2::text is null or h.host = $2)
        and (h.retry_at is null or h.retry_at <= coalesce($3, clock_timestamp()))
        and (((h.state = 'releasing' or (h.state = 'held' and r.state not in ('draft', 'pending'))) and not h.doubt)
             or (h.settled_at is not null and h.cleared_at is null))
      order by 1 limit ${MOST}`,
    [keeper.kept_in, keeper.kept_in === 'postfix' ? keeper.host : null, at],
  );
  return rows.map(({ held_key }) => held_key);
}

/** Of names in a hold queue, those of copies that no row knows. */
export async function unknownCopies(q: Queryable, ids: readonly string[]): Promise<string[]> {
  const { rows } = await q.query<{ id: string }>(
    `select id from unnest($1::text[]) id
      where not exists (select from ruawatch.held_messages where queue_ids @> array[id] or copy_id = id)`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

/**
 * Has the next turn look again at settled mails that have one of these names in the hold queue, beside the
 * copy that is let go. A name that is also of a mail that waits is that mail's.
 */
export async function clearAgain(q: Queryable, host: string, ids: readonly string[]): Promise<void> {
  await q.query(
    `update ruawatch.held_messages h set cleared_at = null
      where h.settled_at is not null and h.cleared_at is not null and h.kept_in = 'postfix' and h.host = $1 and h.queue_ids && $2::text[]
        and exists (select from unnest(h.queue_ids) id
                     where id = any($2) and id is distinct from h.copy_id
                       and not exists (select from ruawatch.held_messages o
                                        where o.queue_ids @> array[id] and o.host = h.host and o.held_key <> h.held_key
                                          and o.settled_at is null))`,
    [host, ids],
  );
}

/**
 * Whether a copy with this mark is one of a release that has another copy, or is over: then nobody needs it.
 */
export async function isLeftOver(q: Queryable, mark: { held_key: number; token: string }, id: string): Promise<boolean> {
  const { rowCount } = await q.query(
    `select from ruawatch.held_messages
      where held_key = $1 and release_token = $2 and copy_id is distinct from $3 and (copy_id is not null or settled_at is not null)`,
    [mark.held_key, mark.token, id],
  );
  return rowCount === 1;
}

/** Of names in a hold queue, those of copies that were chosen to be let go by releases that are over. */
export async function chosenCopies(
  q: Queryable,
  ids: readonly string[],
): Promise<{ held_key: number; release_token: string; copy_id: string }[]> {
  const { rows } = await q.query<{ held_key: number; release_token: string; copy_id: string }>(
    "select held_key, release_token, copy_id from ruawatch.held_messages where copy_id = any($1::text[]) and state = 'released'",
    [ids],
  );
  return rows;
}

/**
 * Mails in the hold queue of a machine that wait for a decision and have waited for some time, with the names
 * of their copies.
 */
export async function waitingCopies(
  q: Queryable,
  host: string,
  before: Date,
): Promise<{ held_key: number; queue_ids: string[] }[]> {
  const { rows } = await q.query<{ held_key: number; queue_ids: string[] }>(
    `select held_key, queue_ids from ruawatch.held_messages
      where state = 'held' and kept_in = 'postfix' and host = $1 and held_at < $2 order by 1 limit 10000`,
    [host, before],
  );
  return rows;
}

/**
 * Of names in a hold queue, those that another held mail of that machine has as well, which looks the same by
 * its header: which of the two a file is, nobody can tell from its name and fields.
 */
export async function ambiguousCopies(
  q: Queryable,
  { held_key }: Pick<HeldRow, 'held_key'>,
  ids: readonly string[],
): Promise<string[]> {
  const { rows } = await q.query<{ id: string }>(
    `select id from unnest($2::text[]) id, ruawatch.held_messages m
      where m.held_key = $1 and exists (
        select from ruawatch.held_messages o
         where o.queue_ids @> array[id] and o.held_key <> m.held_key and o.host = m.host
           and o.message_id is not distinct from m.message_id and o.subject is not distinct from m.subject
           and o.header_from is not distinct from m.header_from)`,
    [held_key, ids],
  );
  return rows.map(({ id }) => id);
}
