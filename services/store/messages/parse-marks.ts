import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';

/** Marks of each database that could not be taken back yet: its connection was gone, it had no room, it refused writes. */
const left = new WeakMap<Db, Set<number>>();

/**
 * Runs the work on messages in one transaction, with a mark in the database that outlives the process when the work kills it. The mark
 * is committed before, and goes with the work's own commit. A transaction that fails while the process lives is no death: its mark is
 * taken back, later if the database cannot do it now, and so is the death that another worker may have counted meanwhile.
 * @throws what `work` and Postgres throw
 */
export async function markedTransaction<T>(db: Db, keys: readonly number[], work: (tx: Tx) => Promise<T>): Promise<T> {
  await takeBackLeft(db);
  const mark = await setMark(db, keys);
  try {
    return await transaction(db, async (tx) => {
      // The lock on the row says that its worker lives.
      await takeBack(tx, mark);
      return work(tx);
    });
  } catch (error) {
    const marks = left.get(db) ?? new Set();
    left.set(db, marks.add(mark));
    // What fails here too stays in `left` for the next call; the error to tell is the work's.
    await takeBackLeft(db).catch(() => undefined);
    throw error;
  }
}

/** Takes back what this process could not take back before. @throws what Postgres throws: then the rest waits for the next time */
async function takeBackLeft(db: Db): Promise<void> {
  for (const mark of left.get(db) ?? []) {
    await takeBack(db, mark);
    left.get(db)!.delete(mark);
  }
}

async function setMark(db: Queryable, keys: readonly number[]): Promise<number> {
  // Only a crash of the server could lose it, and that is no death of ours: it need not wait for the disk.
  const { rows } = await db.query<{ parsing_key: number }>(
    `with fast as (select set_config('synchronous_commit', 'off', true))
     insert into ruawatch.parsing (messages) select $1::bigint[] from fast returning parsing_key`,
    [keys],
  );
  return rows[0]!.parsing_key;
}

/** Removes a mark, and the death that it was taken for. What was set aside for that waits again. */
async function takeBack(db: Queryable, mark: number): Promise<void> {
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
 * Finds the marks that nobody holds and that name any of `keys`, and counts each as the death of a worker on the messages it names, until
 * that worker takes it back.
 * @returns how many marks were found
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
