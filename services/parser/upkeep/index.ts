import { DAY_MS } from '../../shared/days.ts';
import { type Context, firstStuck, type Loop, repeat } from '../../shared/runtime/service.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import { dropPersonal } from '../../store/reports/personal-data.ts';
import { VERIFIED_DAYS, verifiedShare } from '../../store/reports/verified-share.ts';
import { forgetLogs } from '../../store/sending/retention.ts';
import { keepMonths } from './monthly-retention.ts';
import { keepArchive } from './raw-total.ts';
import { keepTotals } from './totals.ts';

/**
 * Says once a day that reports cannot be verified: nothing is found then, and silence would look like health.
 */
export async function sayUnverified({ config, db, clock, log }: Kept): Promise<void> {
  if (config.trust.check === 'off') return;
  const share = await verifiedShare(db, new Date(clock.now().getTime() - VERIFIED_DAYS * DAY_MS));
  const sentence = unverifiedSentence(share);
  if (sentence !== null) log.warn(share, sentence);
}

/** Retention times are in days, so an hourly round is exact enough. */
const EVERY_MS = 3_600_000;
/** Short enough that a flood of mail cannot fill the disk between two rounds. */
const ARCHIVE_EVERY_MS = 600_000;
/** One query where nothing is left to do. */
const TOTALS_EVERY_MS = 60_000;
const MAILS_AT_ONCE = 500;

type Kept = Pick<Context, 'config' | 'db' | 'clock' | 'log'>;

/** Deletes failure reports past their time, with the mails they came in. */
async function forgetPersonal({ config, db, clock, log }: Kept, signal: AbortSignal, turned: () => void): Promise<void> {
  const before = new Date(clock.now().getTime() - config.failureReports.retention_days * DAY_MS);
  let mails = 0;
  for (let dropped = MAILS_AT_ONCE; dropped === MAILS_AT_ONCE && !signal.aborted; mails += dropped) {
    dropped = await dropPersonal(db, before, MAILS_AT_ONCE);
    turned();
  }
  if (mails > 0) log.info({ mails }, 'failure reports past their retention time were deleted with their mails');
}

/** Deletes lines, messages and daily totals of mail logs, each past its own time. */
async function forgetMailLogs({ config, db, clock, log }: Kept, signal: AbortSignal, turned: () => void): Promise<void> {
  const before = (days: number) => new Date(clock.now().getTime() - days * DAY_MS);
  const { rollups_days } = config.retention;
  const limits = {
    lines: before(config.collector.keep_raw_days),
    messages: before(config.collector.keep_messages_days),
    days: rollups_days === null ? null : before(rollups_days),
  };
  let rows = 0;
  for (let more = true; more && !signal.aborted; turned()) {
    const gone = await forgetLogs(db, limits);
    rows += gone.deleted;
    more = gone.more;
  }
  if (rows > 0) log.info({ rows }, 'lines and messages of mail logs past their retention time were deleted');
}

/**
 * Creates and drops the months of the large tables (monthly-retention.ts), keeps the raw archive within its
 * total (raw-total.ts), adds up the domains' daily totals of earlier versions (domain-days.ts), deletes what
 * is left of mail logs past its time, and deletes failure reports with the mails they came in once
 * `failure_reports.retention_days` have passed since they were stored, since they hold personal data of third
 * parties.
 */
export function startRetention(context: Pick<Context, 'config' | 'db' | 'clock' | 'log' | 'metrics'>): Loop {
  const { config, db, clock, log, metrics } = context;
  const personal = repeat(
    EVERY_MS,
    (signal, turned) => forgetPersonal(context, signal, turned),
    log,
    'the deletion of old failure reports',
  );
  const months = repeat(
    EVERY_MS,
    (signal) => keepMonths({ config, db, clock, log }, signal),
    log,
    'creating and dropping months',
  );
  const archive = repeat(
    ARCHIVE_EVERY_MS,
    (signal) => keepArchive({ config, db, clock, log, metrics }, signal),
    log,
    'keeping the archive of raw mails within its total',
  );
  const trust = repeat(DAY_MS, () => sayUnverified({ config, db, clock, log }), log, 'counting verified reports');
  const logs = repeat(
    EVERY_MS,
    (signal, turned) => forgetMailLogs(context, signal, turned),
    log,
    'the deletion of old mail logs',
  );
  const totals = repeat(
    TOTALS_EVERY_MS,
    (signal, turned) => keepTotals({ db, clock, log }, signal, turned),
    log,
    'adding up the daily totals of domains',
  );
  return {
    stuck: () => firstStuck([personal, months, archive, totals, trust, logs]),
    async stop() {
      await Promise.all([personal.stop(), months.stop(), archive.stop(), totals.stop(), trust.stop(), logs.stop()]);
    },
  };
}
