import { type Db, type Queryable, type Tx, transaction } from '../shared/db.ts';

/**
 * Runs the work on messages in one transaction, with a mark in the database that outlives the process when the work kills it. The mark
 * is committed before, and goes with the work's own commit.
 * @throws what `work` and Postgres throw
 */
export async function markedTransaction<T>(db: Db, keys: readonly number[], work: (tx: Tx) => Promise<T>): Promise<T> {
  const mark = await setMark(db, keys);
  try {
    return await transaction(db, async (tx) => {
      // The lock on the row says that its worker lives.
      await dropMark(tx, mark);
      return work(tx);
    });
  } catch (error) {
    // A mark that cannot be taken back counts as a death of the worker: then the messages are parsed one by one, and that is all.
    await dropMark(db, mark).catch(() => undefined);
    throw error;
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

async function dropMark(db: Queryable, mark: number): Promise<void> {
  await db.query('delete from ruawatch.parsing where parsing_key = $1', [mark]);
}

/**
 * Finds the marks of dead workers that name any of `keys`, and counts each as a death on the messages it names.
 * @returns how many marks were found
 */
export async function countDeaths(db: Queryable, keys: readonly number[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `with dead as (
       delete from ruawatch.parsing
        where parsing_key in (select parsing_key from ruawatch.parsing where messages && $1::bigint[] for update skip locked)
       returning messages),
     counted as (
       update ruawatch.messages m set worker_deaths = worker_deaths + named.n
         from (select unnest(messages) as message_key, count(*) as n from dead group by 1) named
        where m.message_key = named.message_key and m.state = 'received')
     select count(*) as n from dead`,
    [keys],
  );
  return rows[0]!.n;
}
