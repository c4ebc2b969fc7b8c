import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { storedRange } from './messages.ts';

/** SQL: the monthly partitions of raw mail, each with its last measurement. */
const MONTHS = `
  select c.relname as partition, pg_relation_size(c.oid) as file_size, s.bytes, s.file_size as measured_at,
         to_date(substring(c.relname from '_(\\d{4}_\\d\\d)$'), 'YYYY_MM') as month,
         to_char(now() at time zone 'UTC', '"raw_"YYYY"_"MM') = c.relname as current
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    left join ruawatch.raw_stock s on s.partition = c.relname
   where i.inhparent = 'ruawatch.raw'::regclass and c.relname <> 'raw_default'`;

/**
 * Measures the raw archive: the bytes of mails as they are stored, deflated or not, since the disk must not
 * fill up. Reads the rows of this month and of the months that changed since the last time; not their TOAST
 * data, because a row holds the length of it.
 * @returns bytes
 */
export async function measureArchive(db: Db): Promise<number> {
  const { rows } = await db.query<{
    partition: string;
    file_size: number;
    bytes: number | null;
    measured_at: number | null;
    month: string;
    current: boolean;
  }>(`${MONTHS} order by c.relname`);
  for (const { partition, file_size, bytes, measured_at, month, current } of rows) {
    // In the current month, new mails may take the space of deleted ones: the file's size stays and the sum
    // does not.
    if (!current && bytes !== null && measured_at === file_size) continue;
    await db.query(
      `insert into ruawatch.raw_stock (partition, bytes, file_size)
       select $1, (select coalesce(sum(octet_length(bytes)), 0) from ruawatch.raw
                    where stored_at >= $2::timestamp at time zone 'UTC'
                      and stored_at < ($2::timestamp + interval '1 month') at time zone 'UTC'), $3
       on conflict (partition) do update set bytes = excluded.bytes, file_size = excluded.file_size`,
      [partition, month, file_size],
    );
  }
  await db.query('delete from ruawatch.raw_stock where partition <> all($1::text[])', [rows.map((row) => row.partition)]);
  return (await archiveSize(db)) ?? 0;
}

/**
 * The bytes of the raw archive at its last measurement; null before the first one, and where that was of an
 * archive without mails, as at a first start, and mails have come since.
 */
export async function archiveSize(db: Queryable): Promise<number | null> {
  const { rows } = await db.query<{ bytes: number | null }>(
    `select case when sum(bytes) > 0
                   or (select raw_gone_at is null from ruawatch.messages order by message_key desc limit 1) is not true
                 then sum(bytes) end as bytes from ruawatch.raw_stock`,
  );
  return rows[0]!.bytes;
}

export interface Dropped {
  /** Mails whose bytes were deleted; fewer than the limit when no more are due. */
  mails: number;
  bytes: number;
}

/**
 * Deletes the bytes of the oldest mails in a state; their rows in the archive stay. Mails that another
 * process holds, such as one that is being replayed, are left out.
 * @param before only mails that were stored before it; null: all
 * @param limit mails in this transaction
 * @param most bytes to delete; the last mail may exceed it
 */
export async function dropOldest(
  db: Db,
  state: 'ignored' | 'quarantined',
  { before, limit, most }: { before: Date | null; limit: number; most: number },
): Promise<Dropped> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ message_key: number; stored_at: Date; size: number }>(
      `select message_key, stored_at, size from ruawatch.messages
        where state = $1 and raw_gone_at is null order by message_key limit $2
          for no key update skip locked`,
      [state, limit],
    );
    let sum = 0;
    const due = rows.filter(({ stored_at, size }) => {
      if ((before !== null && stored_at >= before) || sum >= most) return false;
      sum += size;
      return true;
    });
    if (due.length === 0) return { mails: 0, bytes: 0 };
    const keys = due.map((row) => row.message_key);
    const { rows: gone } = await tx.query<{ bytes: number }>(
      `with gone as (
         delete from ruawatch.raw where message_key = any($1::bigint[]) and stored_at >= $2 and stored_at < $3
         returning octet_length(bytes) as n, to_char(stored_at at time zone 'UTC', '"raw_"YYYY"_"MM') as partition),
       counted as (
         update ruawatch.raw_stock s set bytes = s.bytes - g.n
           from (select partition, sum(n) as n from gone group by 1) g where g.partition = s.partition)
       select coalesce(sum(n), 0) as bytes from gone`,
      [keys, ...storedRange(due)],
    );
    await tx.query('update ruawatch.messages set raw_gone_at = now() where message_key = any($1::bigint[])', [keys]);
    return { mails: due.length, bytes: gone[0]!.bytes };
  });
}
