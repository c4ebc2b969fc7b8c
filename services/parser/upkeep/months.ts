import { DAY_MS } from '../../shared/days.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { sessionsUsing } from '../../store/locks.ts';
import { BY_REPORT_DAY, dropPartitions, ensurePartitions, PARTITIONED, type Partitioned } from '../../store/schema/partitions.ts';
import { isoSeconds } from '../../store/sql-text.ts';

/** Tries of what nobody waits for. */
const TRIES = 10;
/**
 * Months with rows in the default partition that get a partition in one round. Whoever forges reports of odd months has some 180 to
 * choose from, and makes the database no busier than this.
 */
const STRAYS_A_ROUND = 12;
/** Records of a month that this process writes before it asks for its partition, rather than leave it to the next round. */
const WORTH_A_PARTITION = 1_000;

const SETTING: Record<Partitioned, 'raw_days' | 'records_days' | 'rollups_days'> = {
  raw: 'raw_days',
  records: 'records_days',
  source_days: 'rollups_days',
  policy_days: 'rollups_days',
  subdomain_days: 'rollups_days',
};

/**
 * Makes the partitions of the months about this one, of two ahead, and of older ones that lie in the default partition; then drops what
 * the setting `retention` does not keep any longer.
 */
export async function keepMonths(
  { config, db, clock, log }: Pick<Context, 'config' | 'db' | 'clock' | 'log'>,
  signal?: AbortSignal,
): Promise<void> {
  const now = clock.now();
  const months = [-1, 0, 1, 2].map((n) => dayOf(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + n, 1)));
  for (const table of PARTITIONED) {
    if (signal?.aborted) return;
    const made = await ensurePartitions(db, table, months, STRAYS_A_ROUND, TRIES);
    if (made === null)
      log.info(
        { table, sessions: await sessionsUsing(db) },
        'new months could not be made: the table is in use; until the next try they share one partition',
      );
    else if (made.length > 0) log.info({ partitions: made }, 'new months');
    const days = config.retention[SETTING[table]];
    if (days === null || signal?.aborted) continue;
    const gone = await dropPartitions(db, table, dayOf(now.getTime() - days * DAY_MS), TRIES);
    if (gone === null)
      log.warn(
        { table, sessions: await sessionsUsing(db) },
        'months past their retention time could not be dropped: the table is in use; the next try is in an hour',
      );
    else if (gone.length > 0)
      log.info({ setting: `retention.${SETTING[table]}`, days, dropped: gone }, 'dropped what is past its retention time');
  }
}

/** The months that one process writes reports of. */
export interface Months {
  /**
   * Adds what is about to be written: records by the begin of their report (seconds since the epoch). Asks for the partitions of months
   * that have become worth one, unless the transaction has `touched` the partitioned tables: making a month waits for whoever does. Never
   * rejects.
   */
  before(reports: Iterable<{ begin: number; records: number }>, touched: boolean): Promise<void>;
}

/**
 * An archive of years is imported into months of their own, and not into the default partition, out of which every record would be
 * moved: written twice, which cost a report of a million records as much again. A month is asked for until it is there.
 */
export function watchMonths({ db, log }: Pick<Context, 'db' | 'log'>): Months {
  const written = new Map<string, number>();
  const asked = new Set<string>();
  return {
    async before(reports, touched) {
      const due: string[] = [];
      for (const { begin, records } of reports) {
        const month = `${isoSeconds(begin).slice(0, 7)}-01`;
        if (asked.has(month)) continue;
        const sum = (written.get(month) ?? 0) + records;
        written.set(month, sum);
        if (touched || sum < WORTH_A_PARTITION) continue;
        asked.add(month);
        written.delete(month);
        due.push(month);
      }
      if (due.length === 0) return;
      try {
        for (const table of BY_REPORT_DAY) {
          const made = await ensurePartitions(db, table, due, 0, 5);
          if (made === null) {
            // It is asked again when as much has been written once more.
            for (const month of due) asked.delete(month);
            return;
          }
          if (made.length > 0) log.info({ partitions: made }, 'new months');
        }
      } catch (error) {
        log.warn({ err: messageOf(error), months: due }, 'months could not be made; the hourly round makes up for it');
      }
    },
  };
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
