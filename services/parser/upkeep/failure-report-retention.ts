import { DAY_MS } from '../../shared/days.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { dropFailureReports } from '../../store/reports/failure-report-retention.ts';

/** Mails in one transaction. */
const AT_ONCE = 500;

/**
 * Deletes failure reports, with the mails they came in, once `failure_reports.retention_days` have passed
 * since they were stored: they hold personal data of third parties.
 * @param turned called after each portion
 */
export async function forgetFailureReports(
  { config, db, clock, log }: Pick<Context, 'config' | 'db' | 'clock' | 'log'>,
  signal: AbortSignal,
  turned: () => void,
): Promise<void> {
  const before = new Date(clock.now().getTime() - config.failureReports.retention_days * DAY_MS);
  let mails = 0;
  for (let dropped = AT_ONCE; dropped === AT_ONCE && !signal.aborted; mails += dropped) {
    dropped = await dropFailureReports(db, before, AT_ONCE);
    turned();
  }
  if (mails > 0) log.info({ mails }, 'failure reports past their retention time were deleted with their mails');
}
