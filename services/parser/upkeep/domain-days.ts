import { dayOf } from '../../shared/days.ts';
import { codeOf } from '../../shared/errors.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { fillDomainDays } from '../../store/rollups/domain-days.ts';

/** Milliseconds that writers of reports wait for a piece without anybody noticing. */
const QUICK_MS = 250;
const MOST_DAYS = 31;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Adds up the totals of the domains in a database from before these totals, in pieces of some days, so that
 * reports are written in between. Ends at once when there is nothing left.
 * @param turned called after each piece
 */
export async function keepDomainDays(
  { db, clock, log }: Pick<Context, 'db' | 'clock' | 'log'>,
  signal?: AbortSignal,
  turned?: () => void,
): Promise<void> {
  let pieces = 0;
  let days = 1;
  while (!signal?.aborted) {
    const began = performance.now();
    try {
      if (!(await fillDomainDays(db, days, dayOf(clock.now())))) break;
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      log.info('the daily totals of the domains wait for reports that are being written; the next try is in a minute');
      return;
    }
    days = performance.now() - began < QUICK_MS ? Math.min(MOST_DAYS, 2 * days) : Math.max(1, Math.floor(days / 2));
    pieces++;
    turned?.();
  }
  if (pieces > 0 && !signal?.aborted) log.info({ pieces }, 'the daily totals of all domains are complete');
}
