import { addDays, isWeekend } from '../../shared/days.ts';
import type { SeenSource, SourceMessages } from '../../store/analysis/senders.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';

/** Days in which `volume_surge` looks for the end of a surge. */
export const RECENT = 7;
/** It tests every day by itself, and the sums of three and of seven that end with it. */
export const SUMS = [1, 3, 7];
/** More than ever: this many times the best day of the habit. */
export const RECORD = 1.5;
/** What is worth a word, however unlikely: so many messages more than the habit. */
export const MORE = 50;
/** And this part of the domain's mail of that day. */
export const OF_DOMAIN = 0.1;
/** The oldest day that a surge may consist of, and the days that are habit whichever of them is tested. */
const OLDEST = RECENT + Math.max(...SUMS) - 2;

/** Of senders that sent more on one of so many newest days, by so much, the days are looked at closely. */
const LOOKED_DAYS = 7;
const LOOKED_MESSAGES = 50;
const LOOKED_TIMES = 1.4;

/**
 * Whether the sources of a sender together sent more on one of the newest days than on any such day (weekend
 * or not) before these. Of most senders on most days there is nothing to say, and their rows need not be
 * read.
 * @param today newest day
 */
export function standsOut(sources: readonly Pick<SeenSource, 'each'>[], today: string): boolean {
  const newest = addDays(today, 1 - LOOKED_DAYS);
  const { before, since } = bestDays(daySums(sources.flatMap(({ each = [] }) => each)), newest);
  return KINDS_OF_DAYS.some((kind) => since[kind] >= LOOKED_MESSAGES && since[kind] >= LOOKED_TIMES * before[kind]);
}

/**
 * Whether a new `volume_surge` of a sender is possible at all: then it is compared with seasons long past,
 * which are costly to read. Never false where the rule finds one: it takes a day above all days that every
 * test counts as habit (of its kind, weekend or not: that is all a mailbox provider's are held against), and
 * a part of the domain's mail.
 * @param rows the sender's days
 * @param ofDomain the domain's messages by day
 * @param today newest day
 */
export function mayRise(rows: readonly SourceMessages[], ofDomain: ReadonlyMap<string, number>, today: string): boolean {
  const newest = addDays(today, -OLDEST);
  const habit = addDays(addDays(today, 1 - RECENT), -HABIT_DAYS);
  const sums = daySums(rows.filter(({ day }) => day >= habit));
  const { before } = bestDays(sums, newest);
  const recent = [...sums].filter(([day]) => day >= newest);
  return (
    recent.reduce((n, [, messages]) => n + messages, 0) >= MORE &&
    recent.some(([day, messages]) => messages >= RECORD * before[kindOf(day)] && messages >= OF_DOMAIN * (ofDomain.get(day) ?? 0))
  );
}

const KINDS_OF_DAYS = ['weekdays', 'weekends'] as const;
type BestDays = Record<(typeof KINDS_OF_DAYS)[number], number>;

/** The messages of the best weekday and weekend day before a day, and since. */
function bestDays(sums: ReadonlyMap<string, number>, first: string): { before: BestDays; since: BestDays } {
  const best = { before: { weekdays: 0, weekends: 0 }, since: { weekdays: 0, weekends: 0 } };
  for (const [day, messages] of sums) {
    const of = day < first ? best.before : best.since;
    const kind = kindOf(day);
    of[kind] = Math.max(of[kind], messages);
  }
  return best;
}

function daySums(rows: readonly SourceMessages[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { day, messages } of rows) sums.set(day, (sums.get(day) ?? 0) + messages);
  return sums;
}

function kindOf(day: string): keyof BestDays {
  return isWeekend(day) ? 'weekends' : 'weekdays';
}
