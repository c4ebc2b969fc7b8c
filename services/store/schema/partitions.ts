import { sleep } from '../../shared/clock.ts';
import { codeOf } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { isoSeconds } from '../sql-text.ts';

/** The tables that are partitioned by month (UTC). */
export const PARTITIONED = ['raw', 'records', 'source_days', 'policy_days', 'subdomain_days'] as const;
export type Partitioned = (typeof PARTITIONED)[number];
/** Those whose months are the report days, and not the days of storing. */
export const BY_REPORT_DAY = PARTITIONED.filter((table) => table !== 'raw');

/**
 * The records of a row of `reports`, always by their key: `offset 0` keeps the planner from joining them its own way. In a month that is
 * new to it (no statistics yet) it took all records of the month for a handful, and read and compared them all for every batch.
 * @param from to: parameters that bound `begin_at`, so that the months concerned are known when the statement is planned
 * @param columns for a role that may not read all
 */
export const recordsOf = (report: string, from: string, to: string, columns = '*') =>
  `select ${columns} from ruawatch.records
    where report_key = ${report}.report_key and begin_at = ${report}.begin_at and begin_at between (${from}) and (${to}) offset 0`;

/** From the first to the last begin of reports: a range that Postgres knows when it plans, so that it leaves all other months out. */
export function beginRange(reports: readonly { begin: number }[]): [from: string, to: string] {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { begin } of reports) {
    from = Math.min(from, begin);
    to = Math.max(to, begin);
  }
  return reports.length === 0 ? ['infinity', '-infinity'] : [isoSeconds(from), isoSeconds(to)];
}

/** Whether the rollups of `day` are kept: sums over what is still to come, of a day that was dropped, would be partial. */
export const kept = (table: 'source_days' | 'policy_days' | 'subdomain_days') =>
  `day >= coalesce((select dropped_before from ruawatch.partitioned where name = '${table}'), '-infinity')`;

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Makes the partitions of these months that are missing, and of up to `strays` others of which rows lie in the default partition.
 * Months before 2012, before what was dropped, and beyond the next but one are nobody's: their rows stay in the default partition.
 * @param months a day of each, YYYY-MM-DD
 * @param tries how often to come again when others use the default partition
 * @returns the partitions made; null when others were in the way
 */
export async function ensurePartitions(
  db: Db,
  table: Partitioned,
  months: readonly string[],
  strays: number,
  tries: number,
): Promise<string[] | null> {
  return insist(tries, async () => {
    const { rows } = await db.query<{ made: string[] }>('select ruawatch.ensure_partitions($1, $2::date[], $3) as made', [
      table,
      months,
      strays,
    ]);
    return rows[0]!.made;
  });
}

/**
 * Drops the months that lie whole before a day. Of raw mails, months with some that are still to be read or verified stay.
 * @param before YYYY-MM-DD
 * @param tries how often to come again when others use the table, which is needed alone for a moment
 * @returns what went, empty when nothing was due; null when others were in the way
 */
export async function dropPartitions(db: Db, table: Partitioned, before: string, tries: number): Promise<string[] | null> {
  return insist(tries, async () => {
    const { rows } = await db.query<{ gone: string[] }>('select ruawatch.drop_partitions($1, $2::date) as gone', [table, before]);
    return rows[0]!.gone;
  });
}

/** The functions give up after half a second, so that nobody waits behind them for long; in between, the others get on. */
async function insist<T>(tries: number, work: () => Promise<T>): Promise<T | null> {
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
