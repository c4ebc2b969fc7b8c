import { DAY_MS } from '../../shared/days.ts';
import { type Context, firstStuck, type Loop, repeat } from '../../shared/runtime/service.ts';
import { forgetFailureReports } from './failure-report-retention.ts';
import { keepTotals } from './fill-daily-totals.ts';
import { forgetMailLogs } from './mail-log-retention.ts';
import { keepMonths } from './monthly-retention.ts';
import { keepArchive } from './raw-archive-retention.ts';
import { sayUnverified } from './say-unverified.ts';

/** Retention times are in days, so an hourly round is exact enough. */
const EVERY_MS = 3_600_000;
/** Short enough that a flood of mail cannot fill the disk between two rounds. */
const ARCHIVE_EVERY_MS = 600_000;
/** One query where nothing is left to do. */
const TOTALS_EVERY_MS = 60_000;

/** Starts what keeps the database in order: one loop for each file of this folder. */
export function startRetention(context: Pick<Context, 'config' | 'db' | 'clock' | 'log' | 'metrics'>): Loop {
  const { log } = context;
  const loops = [
    repeat(
      EVERY_MS,
      (signal, turned) => forgetFailureReports(context, signal, turned),
      log,
      'the deletion of old failure reports',
    ),
    repeat(EVERY_MS, (signal) => keepMonths(context, signal), log, 'creating and dropping months'),
    repeat(ARCHIVE_EVERY_MS, (signal) => keepArchive(context, signal), log, 'keeping the archive of raw mails within its total'),
    repeat(
      TOTALS_EVERY_MS,
      (signal, turned) => keepTotals(context, signal, turned),
      log,
      'adding up the daily totals of domains',
    ),
    repeat(DAY_MS, () => sayUnverified(context), log, 'counting verified reports'),
    repeat(EVERY_MS, (signal, turned) => forgetMailLogs(context, signal, turned), log, 'the deletion of old mail logs'),
  ];
  return {
    stuck: () => firstStuck(loops),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
