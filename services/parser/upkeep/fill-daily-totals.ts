import { dayOf } from '../../shared/days.ts';
import { codeOf } from '../../shared/errors.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { CLASS_DAYS } from '../../store/rollups/class-days.ts';
import { DOMAIN_DAYS } from '../../store/rollups/domain-days.ts';
import { fillTotals, type Totals } from '../../store/rollups/fill.ts';

/** Milliseconds that writers of reports wait for a piece without anybody noticing. */
const QUICK_MS = 250;
const MOST_DAYS = 31;
const LOCK_NOT_AVAILABLE = '55P03';

/** What the log calls them. */
const KEPT: readonly (readonly [of: string, totals: Totals])[] = [
  ['domains', DOMAIN_DAYS],
  ['classes of senders', CLASS_DAYS],
];

/**
 * Adds up the daily totals in a database from before them, in pieces of some days, so that reports are
 * written in between. Ends at once when there is nothing left.
 * @param turned called after each piece
 */
export async function keepTotals(
  context: Pick<Context, 'db' | 'clock' | 'log'>,
  signal?: AbortSignal,
  turned?: () => void,
): Promise<void> {
  for (const [of, totals] of KEPT) {
    const pieces = await fillAll(context, totals, { of, signal, turned });
    if (pieces === null) return;
    if (pieces > 0 && !signal?.aborted) context.log.info({ pieces }, `the daily totals of all ${of} are complete`);
  }
}

/** @returns how many pieces there were; null when others prevented it */
async function fillAll(
  { db, clock, log }: Pick<Context, 'db' | 'clock' | 'log'>,
  totals: Totals,
  { of, signal, turned }: { of: string; signal: AbortSignal | undefined; turned: (() => void) | undefined },
): Promise<number | null> {
  let pieces = 0;
  let days = 1;
  while (!signal?.aborted) {
    const began = performance.now();
    try {
      if (!(await fillTotals(db, totals, days, dayOf(clock.now())))) break;
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      log.info(`the daily totals of the ${of} wait for reports that are being written; the next try is in a minute`);
      return null;
    }
    days = performance.now() - began < QUICK_MS ? Math.min(MOST_DAYS, 2 * days) : Math.max(1, Math.floor(days / 2));
    pieces++;
    turned?.();
  }
  return pieces;
}
