import { addDays, isWeekend } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';

/** Days in which `volume_surge` looks for the end of a surge. */
export const RECENT = 7;
/** It tests every day by itself, and the sums of three and of seven that end with it. */
export const SUMS = [1, 3, 7];
/** More than ever: this many times the best day of the habit. */
export const RECORD = 1.5;
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
