import { DAY_MS } from '../../shared/days.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { sessionsUsing } from '../../store/locks.ts';
import { BY_REPORT_DAY, dropPartitions, ensurePartitions, PARTITIONED, type Partitioned } from '../../store/schema/partitions.ts';
import { isoSeconds } from '../../store/sql-text.ts';

/** Tries of background work. */
const TRIES = 10;
/**
 * Months with rows in the default partition that get a partition in one round. Forged reports may name some
 * 180 months, and must not keep the database busier than this.
 */
const STRAYS_A_ROUND = 12;
/**
 * Records of a month that this process writes before it creates the partition itself, rather than leave it to
 * the next round.
 */
const WORTH_A_PARTITION = 1_000;

const SETTING: Record<Partitioned, 'raw_days' | 'records_days' | 'rollups_days'> = {
  raw: 'raw_days',
  records: 'records_days',
  source_days: 'rollups_days',
  domain_days: 'rollups_days',
  class_days: 'rollups_days',
  policy_days: 'rollups_days',
  subdomain_days: 'rollups_days',
  selector_days: 'rollups_days',
};

/**
 * Creates the partitions of the last month, this month, the next two, and of older months with rows in the
 * default partition; then drops the months that the setting `retention` no longer keeps.
 * @param tries how often to come again while others have a table in use
 */
export async function keepMonths(
  { config, db, clock, log }: Pick<Context, 'config' | 'db' | 'clock' | 'log'>,
  signal?: AbortSignal,
  tries = TRIES,
): Promise<void> {
  const now = clock.now();
  const months = [-1, 0, 1, 2].map((n) => dayOf(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + n, 1)));
  for (const table of PARTITIONED) {
    if (signal?.aborted) return;
    const made = await ensurePartitions(db, table, months, { strays: STRAYS_A_ROUND, tries });
    if (made === null)
      log.info(
        { table, sessions: await sessionsUsing(db) },
        'partitions of new months could not be created because the table is in use; until the next try these months share one partition',
      );
    else if (made.length > 0) log.info({ partitions: made }, 'partitions created');
    const days = config.retention[SETTING[table]];
    if (days === null || signal?.aborted) continue;
    const gone = await dropPartitions(db, table, dayOf(now.getTime() - days * DAY_MS), tries);
    if (gone === null)
      log.warn(
        { table, sessions: await sessionsUsing(db) },
        'months past their retention time could not be dropped because the table is in use; the next try is in an hour',
      );
    else if (gone.length > 0)
      log.info({ setting: `retention.${SETTING[table]}`, days, dropped: gone }, 'months past their retention time were dropped');
  }
}

/** The months of the reports that one process writes. */
export interface Months {
  /**
   * Counts what is about to be written: records by the begin of their report (seconds since the epoch).
   * Creates the partitions of months that are worth one, unless the transaction has `touched` the partitioned
   * tables: creating a partition waits for such transactions. Never rejects.
   */
  before(reports: Iterable<{ begin: number; records: number }>, touched: boolean): Promise<void>;
}

/**
 * Lets an archive of years be imported into partitions of its months. In the default partition, every record
 * would be written a second time when it is moved to its month, which doubled the cost of a report with a
 * million records. Creating a month is tried until it succeeds.
 */
export function watchMonths({ db, log }: Pick<Context, 'db' | 'log'>): Months {
  const written = new Map<string, number>();
  const requested = new Set<string>();
  return {
    async before(reports, touched) {
      const due: string[] = [];
      for (const { begin, records } of reports) {
        const month = `${isoSeconds(begin).slice(0, 7)}-01`;
        if (requested.has(month)) continue;
        const sum = (written.get(month) ?? 0) + records;
        written.set(month, sum);
        if (touched || sum < WORTH_A_PARTITION) continue;
        requested.add(month);
        written.delete(month);
        due.push(month);
      }
      if (due.length === 0) return;
      try {
        for (const table of BY_REPORT_DAY) {
          const made = await ensurePartitions(db, table, due, { strays: 0, tries: 5 });
          if (made === null) {
            // Tried again once as much has been written again.
            for (const month of due) requested.delete(month);
            return;
          }
          if (made.length > 0) log.info({ partitions: made }, 'partitions created');
        }
      } catch (error) {
        log.warn({ err: messageOf(error), months: due }, 'partitions could not be created; the hourly round tries again');
      }
    },
  };
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
