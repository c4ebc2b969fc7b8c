import { DAY_MS } from '../../shared/days.ts';
import { type Context, repeat } from '../../shared/runtime/service.ts';
import { dropPersonal } from '../../store/reports/personal-data.ts';
import { keepArchive } from './archive.ts';
import { keepMonths } from './months.ts';

/** A day more or less does not matter; an hour does not load anything. */
const EVERY_MS = 3_600_000;
/** Whoever floods the mailbox may not fill the disk between two looks. */
const ARCHIVE_EVERY_MS = 600_000;
const MAILS_AT_ONCE = 500;

/**
 * Makes and drops the months of the large tables (months.ts), and keeps the raw archive within its bounds (archive.ts). And deletes failure reports, and the mails they came in, when `failure_reports.retention_days` have passed since ruawatch stored them:
 * they hold the addresses and words of people who never asked to be watched.
 */
export function startRetention({
  config,
  db,
  clock,
  log,
  metrics,
}: Pick<Context, 'config' | 'db' | 'clock' | 'log' | 'metrics'>): {
  stop(): Promise<void>;
} {
  const personal = repeat(
    EVERY_MS,
    async (signal) => {
      const before = new Date(clock.now().getTime() - config.failureReports.retention_days * DAY_MS);
      let mails = 0;
      for (let dropped = MAILS_AT_ONCE; dropped === MAILS_AT_ONCE && !signal.aborted; mails += dropped) {
        dropped = await dropPersonal(db, before, MAILS_AT_ONCE);
      }
      if (mails > 0) log.info({ mails }, 'failure reports whose retention time is over were deleted, with their mails');
    },
    log,
    'the deletion of old failure reports',
  );
  const months = repeat(EVERY_MS, (signal) => keepMonths({ config, db, clock, log }, signal), log, 'making and dropping months');
  const archive = repeat(
    ARCHIVE_EVERY_MS,
    (signal) => keepArchive({ config, db, clock, log, metrics }, signal),
    log,
    'keeping the archive of raw mails within its bounds',
  );
  return {
    async stop() {
      await Promise.all([personal.stop(), months.stop(), archive.stop()]);
    },
  };
}
