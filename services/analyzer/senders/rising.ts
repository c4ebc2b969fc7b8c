import { addDays, isWeekend } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { RECENT, RECORD, SUMS } from '../rules/volume_surge.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';

/** The oldest day that a surge may consist of, and the days that are habit whichever of them is tested. */
const OLDEST = RECENT + Math.max(...SUMS) - 2;

/**
 * Whether a new `volume_surge` of a sender is possible at all: then it is compared with seasons long past, which are
 * costly to read. Never false where the rule finds one: it takes a day above all days that every test counts as
 * habit (of its kind, weekend or not: that is all a mailbox provider's are held against).
 * @param rows the sender's days
 * @param today newest day
 */
export function mayRise(rows: readonly Pick<SourceDay, 'day' | 'messages'>[], today: string): boolean {
  const newest = addDays(today, -OLDEST);
  const habit = addDays(addDays(today, 1 - RECENT), -HABIT_DAYS);
  const sums = new Map<string, number>();
  for (const { day, messages } of rows) sums.set(day, (sums.get(day) ?? 0) + messages);
  const best = { weekdays: 0, weekends: 0 };
  for (const [day, messages] of sums) {
    const kind = kindOf(day);
    if (day >= habit && day < newest) best[kind] = Math.max(best[kind], messages);
  }
  return [...sums].some(([day, messages]) => day >= newest && messages >= RECORD * best[kindOf(day)]);
}

function kindOf(day: string): 'weekdays' | 'weekends' {
  return isWeekend(day) ? 'weekends' : 'weekdays';
}
