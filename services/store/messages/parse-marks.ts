import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';

/**
 * Marks that could not be removed yet, by database: its connection was lost, its disk was full, it refused
 * writes.
 */
const left = new WeakMap<Db, Set<number>>();

/**
 * Runs the work on messages in one transaction, with a mark in the database that outlives the process if the
 * work kills it. The mark is committed first, and removed by the work's own commit. When the transaction
 * fails and the process lives, no worker died: the mark is removed, later if the database cannot do it now,
 * together with the death that another worker may have counted meanwhile.
 * @throws what `work` and Postgres throw
 */
export async function markedTransaction<T>(db: Db, keys: readonly number[], work: (tx: Tx) => Promise<T>): Promise<T> {
  await removeLeft(db);
  const mark = await setMark(db, keys);
  try {
    return await transaction(db, async (tx) => {
      // The lock on the row shows that its worker is alive.
      await removeMark(tx, mark);
      return work(tx);
    });
  } catch (error) {
    const marks = left.get(db) ?? new Set();
    left.set(db, marks.add(mark));
    // What fails here too stays in `left` for the next call; the work's error is the one to report.
    await removeLeft(db).catch(() => undefined);
    throw error;
  }
}

/**
 * Removes the marks that this process could not remove before.
 * @throws what Postgres throws; the remaining marks wait for the next call
 */
async function removeLeft(db: Db): Promise<void> {
  for (const mark of left.get(db) ?? []) {
    await removeMark(db, mark);
    left.get(db)!.delete(mark);
  }
}

async function setMark(db: Queryable, keys: readonly number[]): Promise<number> {
  // Only a crash of the server can lose the mark, and then no worker died of a message: the commit need not
  // wait for the disk.
  const { rows } = await db.query<{ parsing_key: number }>(
    `with fast as (select set_config('synchronous_commit', 'off', true))
     insert into ruawatch.parsing (messages) select $1::bigint[] from fast returning parsing_key`,
    [keys],
  );
  return rows[0]!.parsing_key;
}

/**
 * Removes a mark, and the death that was counted for it. Messages that were quarantined for that death wait
 * again.
 */
async function removeMark(db: Queryable, mark: number): Promise<void> {
  await db.query(
    `with gone as (delete from ruawatch.parsing where parsing_key = $1 returning messages, counted)
     update ruawatch.messages m
        set worker_deaths = greatest(m.worker_deaths - 1, 0),
            state = 'received',
            code = case when m.state = 'quarantined' then null else m.code end,
            reason = case when m.state = 'quarantined' then null else m.reason end,
            queued_at = case when m.state = 'quarantined' then null else m.queued_at end,
            settled_at = case when m.state = 'quarantined' then null else m.settled_at end
       from gone
      where gone.counted and m.message_key = any(gone.messages)
        and (m.state = 'received' or (m.state = 'quarantined' and m.code = 'killed_worker'))`,
    [mark],
  );
}

/**
 * Finds the marks on any of `keys` that no living worker holds, and counts each as a worker's death on its
 * messages, until that worker removes it.
 * @returns the number of marks found
 */
export async function countDeaths(db: Queryable, keys: readonly number[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `with dead as (
       update ruawatch.parsing set counted = true
        where parsing_key in (select parsing_key from ruawatch.parsing
                               where not counted and messages && $1::bigint[] for update skip locked)
       returning messages),
     old as (delete from ruawatch.parsing where counted and begun_at < now() - interval '1 day'),
     counted as (
       update ruawatch.messages m set worker_deaths = worker_deaths + named.n
         from (select unnest(messages) as message_key, count(*) as n from dead group by 1) named
        where m.message_key = named.message_key and m.state = 'received')
     select count(*) as n from dead`,
    [keys],
  );
  return rows[0]!.n;
}
