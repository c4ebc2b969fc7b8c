import { addDays, daysBetween, isWeekend } from '../../shared/days.ts';
import { silenceTail } from './tails.ts';

/** Days before the last report that make the habit, and the days with reports that it takes. */
const HABIT_DAYS = 42;
const LEAST_DAYS = 14;
/** A report about a day has arrived by the end of the second day after it. */
export const ARRIVAL_DAYS = 2;
/** Messages that would have been reported; fewer may simply not have been sent. */
const LEAST = 10;
/** The chance that habit alone brings such a silence: of the days, and of the messages. */
const CHANCE = 0.001;
/** No habit is more certain than this: a day may fail for everybody. */
const MOST_CERTAIN = 0.97;
/** Dispersion of a domain's daily mail. */
const PRIOR_K = 1.5;
/** A reporter that reports on this part of the days with reports is one of its regular ones. */
const REGULAR = 0.6;
/**
 * Usual days of silence that it takes, by the regular reporters that are known to report still: one that all
 * depends on may have an outage of a few days.
 */
const SILENT_DAYS = { several: 2, two: 3, one: 5 };

/** Who has no mail on weekends has none on holidays, of which two may be beside a weekend. */
const RESTS = 0.2;
const HOLIDAYS = 3;

/** What one reporter reported of a domain on one day. */
export interface ReportedDay {
  day: string;
  reporter: string;
  messages: number;
}

/** A domain on which there are no reports any more. */
export interface ReportSilence {
  /** The first day without a report. */
  since: string;
  /** Messages that were reported on a usual day, and that would have been reported since. */
  usual: number;
  expected: number;
  /** Its regular reporters. */
  reporters: string[];
  /** Days since then of which a report should have come. */
  days: number;
  /** How likely that is by habit. */
  chance: number;
}

/**
 * Whether the reports on a domain have ceased, by the habit of the days before: how often there were reports
 * on a weekday and on a weekend, the longest time without any, and how many messages. Around the turn of the
 * year every day counts as one of a weekend. Pure.
 * @param reported all days with reports, up to `last`
 * @param today the day by our clock
 * @param heard the reporters that still report on other domains; null: there are no others to tell by
 * @param together many domains fell silent at once, so that each needs less evidence
 */
export function silenceOf(
  reported: readonly ReportedDay[],
  { last, today, heard, together }: { last: string; today: string; heard: ReadonlySet<string> | null; together: boolean },
): ReportSilence | null {
  const habit = habitOf(reported, last);
  const silent = daysBetween(addDays(last, 1), addDays(today, -ARRIVAL_DAYS));
  if (habit === null || silent.length === 0) return null;
  const missed = silent.reduce((sum, day) => sum + habit.rate[classOf(day)], 0);
  const expected = silent.reduce((sum, day) => sum + habit.mean[classOf(day)], 0);
  const found = {
    since: silent[0]!,
    usual: habit.usual,
    expected,
    reporters: habit.reporters,
    days: silent.length,
    chance: Math.max(chanceOf(silent, habit), silenceTail(expected, PRIOR_K)),
  };
  if (together) return missed >= 1 ? found : null;
  const holidays = habit.rate.weekend < RESTS ? HOLIDAYS : 0;
  const enough = Math.max(leastOf(habit.reporters, heard), habit.longest + 1, holidays);
  return missed >= enough - 1e-9 && expected >= LEAST && chanceOf(silent, habit) < CHANCE ? found : null;
}

type DayClass = 'week' | 'weekend';

interface ReportHabit {
  /** The part of the days of a class with reports, and the messages of a day of it. */
  rate: Record<DayClass, number>;
  mean: Record<DayClass, number>;
  /** Messages on a day with reports. */
  usual: number;
  /** The longest time without a report, in usual days. */
  longest: number;
  reporters: string[];
}

function habitOf(reported: readonly ReportedDay[], last: string): ReportHabit | null {
  const messages = new Map<string, number>();
  const reporters = new Map<string, Set<string>>();
  for (const row of reported) {
    if (row.day > last || row.day <= addDays(last, -HABIT_DAYS)) continue;
    messages.set(row.day, (messages.get(row.day) ?? 0) + row.messages);
    reporters.set(row.reporter, (reporters.get(row.reporter) ?? new Set()).add(row.day));
  }
  if (messages.size < LEAST_DAYS) return null;
  const days = daysBetween([...messages.keys()].sort()[0]!, last);
  // A campaign of forged mail is no habit, and on a domain that sends nothing it is all that is reported:
  // what each half of the days shows is.
  const half = Math.ceil(days.length / 2);
  const least = (of: (some: readonly string[]) => number, what: DayClass) => {
    const halves = [days.slice(0, half), days.slice(half)].map((some) => some.filter((day) => classOf(day) === what));
    return Math.min(...halves.map((some) => of(some) / Math.max(1, some.length)));
  };
  const rate = (what: DayClass) => least((some) => some.filter((day) => messages.has(day)).length, what);
  const mean = (what: DayClass) => least((some) => some.reduce((sum, day) => sum + (messages.get(day) ?? 0), 0), what);
  const rates = { week: rate('week'), weekend: rate('weekend') };
  let [longest, gap] = [0, 0];
  for (const day of days) {
    gap = messages.has(day) ? 0 : gap + rates[classOf(day)];
    longest = Math.max(longest, gap);
  }
  const regular = [...reporters].filter(([, on]) => on.size >= REGULAR * messages.size);
  return {
    rate: rates,
    mean: { week: mean('week'), weekend: mean('weekend') },
    usual: [...messages.values()].reduce((a, b) => a + b, 0) / messages.size,
    longest,
    reporters: regular.sort(([a, n], [b, m]) => m.size - n.size || (a < b ? -1 : 1)).map(([reporter]) => reporter),
  };
}

/** From Christmas Eve to New Year's Day a business writes as it does on a weekend. */
function classOf(day: string): DayClass {
  const date = day.slice(5);
  return isWeekend(day) || date >= '12-24' || date === '01-01' ? 'weekend' : 'week';
}

function chanceOf(silent: readonly string[], { rate }: ReportHabit): number {
  return silent.reduce((chance, day) => chance * (1 - Math.min(MOST_CERTAIN, rate[classOf(day)])), 1);
}

function leastOf(reporters: readonly string[], heard: ReadonlySet<string> | null): number {
  const reporting = heard === null ? reporters.length : reporters.filter((reporter) => heard.has(reporter)).length;
  // One that goes on elsewhere has no outage.
  if (heard !== null && reporting > 0) return SILENT_DAYS.several;
  if (heard !== null) return SILENT_DAYS.one;
  if (reporting >= 3) return SILENT_DAYS.several;
  return reporting === 2 ? SILENT_DAYS.two : SILENT_DAYS.one;
}
