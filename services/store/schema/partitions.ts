import { sleep } from '../../shared/clock.ts';
import { codeOf } from '../../shared/errors.ts';
import type { Db, Tx } from '../../shared/runtime/db.ts';
import { isoSeconds } from '../sql-text.ts';

/** The tables that are partitioned by month (UTC). */
export const PARTITIONED = [
  'raw',
  'records',
  'source_days',
  'domain_days',
  'class_days',
  'policy_days',
  'subdomain_days',
  'selector_days',
] as const;
export type Partitioned = (typeof PARTITIONED)[number];
/** Those partitioned by report day, not by the day of storing. */
export const BY_REPORT_DAY = PARTITIONED.filter((table) => table !== 'raw');

/**
 * SQL: the records of a row of `reports`, always by their key: `offset 0` keeps the planner from choosing
 * another join. For a month without statistics the planner estimated a handful of rows, and read and compared
 * all records of the month for every batch.
 * @param from,to parameters that bound `begin_at`, so that the months are known when the statement is planned
 * @param columns for a role that may not read all of them
 */
export const recordsOf = (report: string, from: string, to: string, columns = '*') =>
  `select ${columns} from ruawatch.records
    where report_key = ${report}.report_key and begin_at = ${report}.begin_at and begin_at between (${from}) and (${to}) offset 0`;

/**
 * Does work that reads records by the keys of their reports, without bitmaps: once a month has statistics,
 * the planner joins the bitmap of each report's key with one of the index by begin, which is read whole for
 * every report and grows with the month.
 * @param sorting false where there are far more records of a report than the planner expects, which it would
 *   sort to group them
 */
export async function readingByKey<T>(tx: Tx, work: () => Promise<T>, sorting = true): Promise<T> {
  const avoided = sorting ? ['bitmapscan'] : ['bitmapscan', 'sort', 'incremental_sort'];
  await tx.query(avoided.map((plan) => `set local enable_${plan} = off`).join('; '));
  const done = await work();
  // After an error the transaction, or its savepoint, takes the settings back.
  await tx.query(avoided.map((plan) => `set local enable_${plan} to default`).join('; '));
  return done;
}

/**
 * The first and the last begin of reports: a range that Postgres knows when it plans a statement, so that it
 * skips all other months.
 */
export function beginRange(reports: readonly { begin: number }[]): [from: string, to: string] {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { begin } of reports) {
    from = Math.min(from, begin);
    to = Math.max(to, begin);
  }
  return reports.length === 0 ? ['infinity', '-infinity'] : [isoSeconds(from), isoSeconds(to)];
}

/**
 * SQL: whether the rollups of `day` are kept. Of a day that was dropped, the sums over reports that still
 * come would be partial.
 */
export const kept = (table: 'source_days' | 'domain_days' | 'class_days' | 'policy_days' | 'subdomain_days' | 'selector_days') =>
  `day >= coalesce((select dropped_before from ruawatch.partitioned where name = '${table}'), '-infinity')`;

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Creates the missing partitions of these months, and of up to `strays` other months with rows in the default
 * partition. Months before 2012, months that were dropped, and months after the next but one get none: their
 * rows stay in the default partition.
 * @param months a day of each, YYYY-MM-DD
 * @param options.tries how often to try while other sessions use the default partition
 * @returns the partitions created; null when other sessions prevented it
 */
export async function ensurePartitions(
  db: Db,
  table: Partitioned,
  months: readonly string[],
  { strays, tries }: { strays: number; tries: number },
): Promise<string[] | null> {
  return withTries(tries, async () => {
    const { rows } = await db.query<{ made: string[] }>('select ruawatch.ensure_partitions($1, $2::date[], $3) as made', [
      table,
      months,
      strays,
    ]);
    return rows[0]!.made;
  });
}

/**
 * Drops the months that end before a day. A month of raw mail stays while some of it is still to be parsed or
 * verified.
 * @param before YYYY-MM-DD
 * @param tries how often to try while other sessions use the table, which is locked exclusively for a moment
 * @returns the partitions dropped; null when other sessions prevented it
 */
export async function dropPartitions(db: Db, table: Partitioned, before: string, tries: number): Promise<string[] | null> {
  return withTries(tries, async () => {
    const { rows } = await db.query<{ gone: string[] }>('select ruawatch.drop_partitions($1, $2::date) as gone', [table, before]);
    return rows[0]!.gone;
  });
}

/**
 * The functions stop waiting after half a second, so that nobody waits behind them for long; the others
 * proceed in between.
 */
async function withTries<T>(tries: number, work: () => Promise<T>): Promise<T | null> {
  for (let n = 1; ; n++) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      if (n >= tries) return null;
      await sleep(200 + Math.random() * 800);
    }
  }
}
