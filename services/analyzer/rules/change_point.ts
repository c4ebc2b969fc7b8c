import { addDays, isWeekend, later } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { HABIT_DAYS } from '../statistics/habit.ts';
import { likelihoodRatio } from '../statistics/series.ts';
import { settledPart } from './broken_senders.ts';
import { type Counts, type Day, days, failedOf, type SourceWindow, total } from './window.ts';

/** The clear before: on at least so many mail days, so many messages, this share passing. */
const BEFORE_DAYS = 5;
const BEFORE_MESSAGES = 20;
const BEFORE_SHARE = 0.8;
/** How far back the change may lie. */
const LOOK = 28;
/** The clear after: so many failing messages. */
export const AFTER_MESSAGES = 10;
/**
 * How a source's share of failures varies from day to day, before anything is known of it: Beta with this sum
 * of parameters.
 */
const PRIOR_SHARE = 40;
const PRIOR_DAYS = 5;

/** The newest mail fails at no less than this part of the rate since the change: what is over is no news. */
export const STILL = 0.5;
/** Days tried as the day of the change count as so many tests: they have most of their mail in common. */
export const CHANGES_TESTED = 5;

export interface ChangePoint {
  day: string;
  beforeDays: Day[];
  /** Of the reporters that are heard. */
  before: SourceDay[];
  afterRows: SourceDay[];
  /** Of all reporters. */
  after: SourceDay[];
  heard: Set<string>;
}

/**
 * The day that divides the source's days best into passing and failing; null when none has enough on both
 * sides.
 */
export function changeOf(
  window: SourceWindow,
  judged: readonly SourceDay[],
  all: readonly Day[],
  settled = window.settled ?? settledPart(window.known, window.source),
): ChangePoint | null {
  const from = later(addDays(window.today, 1 - LOOK), addDays(settled === '' ? window.from : settled, 1));
  const recent = all.filter((day) => day.day >= from);
  if (recent.reduce((n, day) => n + day.failed, 0) < AFTER_MESSAGES) return null;
  let best: ChangePoint | null = null;
  let most = 0;
  for (const { day } of recent) {
    const since = addDays(day, -HABIT_DAYS);
    const beforeDays = all.filter((one) => one.day < day && one.day >= since);
    if (beforeDays.filter((one) => one.passed > one.failed).length < BEFORE_DAYS) continue;
    const ratio = likelihoodRatio(
      { passed: sum(beforeDays, 'passed'), failed: sum(beforeDays, 'failed') },
      { passed: sum(recent, 'passed', day), failed: sum(recent, 'failed', day) },
    );
    if (ratio <= most) continue;
    const rows = judged.filter((row) => row.day >= since && row.day < day);
    const after = judged.filter((row) => row.day >= day);
    const heard = witnessesOf(rows, after);
    const before = rows.filter((row) => heard.has(row.reporter));
    const beforeSum = total(before);
    if (beforeSum.passed < BEFORE_MESSAGES || beforeSum.passed < BEFORE_SHARE * (beforeSum.passed + failedOf(beforeSum)))
      continue;
    const afterRows = after.filter((row) => heard.has(row.reporter));
    if (failedOf(total(afterRows)) < AFTER_MESSAGES) continue;
    most = ratio;
    best = { day, beforeDays, before, afterRows, after, heard };
  }
  return best;
}

export function sum(some: readonly Day[], of: 'passed' | 'failed', from = ''): number {
  return some.reduce((n, day) => n + (day.day >= from ? day[of] : 0), 0);
}

/**
 * Beta parameters of the share that failed on a day before: its mean, and how it varied (method of moments,
 * drawn to the prior).
 */
export function priorOf(beforeDays: readonly Day[], sums: Counts): { a: number; b: number } {
  const n = sums.passed + failedOf(sums);
  const mean = (failedOf(sums) + 0.2) / (n + 2);
  const shares = beforeDays.filter((day) => day.passed + day.failed >= 5).map((day) => day.failed / (day.passed + day.failed));
  const variance = shares.reduce((v, share) => v + (share - mean) ** 2, 0) / Math.max(1, shares.length);
  const varied = Math.min(1, variance / (mean * (1 - mean)));
  // 1 / (a + b + 1) is the part of the variance that is between days.
  const between = (shares.length * varied + PRIOR_DAYS / (PRIOR_SHARE + 1)) / (shares.length + PRIOR_DAYS);
  const size = Math.max(1, Math.min(PRIOR_SHARE, 1 / between - 1));
  return { a: mean * size, b: (1 - mean) * size };
}

/** The reporters that saw the source pass before the change and reported on it after. */
function witnessesOf(before: readonly SourceDay[], after: readonly SourceDay[]): Set<string> {
  const saw = new Set(after.map((row) => row.reporter));
  const heard = new Set<string>();
  for (const reporter of saw) {
    const sum = total(before.filter((row) => row.reporter === reporter));
    if (sum.passed > 0 && sum.passed >= BEFORE_SHARE * (sum.passed + failedOf(sum))) heard.add(reporter);
  }
  return heard;
}

/**
 * Whether the days after bring as much less of the passing mail as fails, within half of that, against what
 * days of their kind (weekday, weekend) used to bring. What is awaited counts as passing.
 */
export function passingMailGone(before: readonly Day[], after: readonly Day[], share: number, awaited: number): boolean {
  const mean = (some: readonly Day[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  let expected = 0;
  let came = awaited;
  for (const day of after) {
    const alike = before.filter((other) => isWeekend(other.day) === isWeekend(day.day));
    expected += mean(alike.length > 0 ? alike : before);
    came += day.passed;
  }
  return came <= (1 - share / 2) * expected;
}

/** Whether the newest of the mail since a change fails as all of it does. @param share that fails since */
export function goesOn(after: readonly SourceDay[], share: number): boolean {
  const newest = days(after).slice(-2);
  const failed = sum(newest, 'failed');
  return failed >= STILL * share * (failed + sum(newest, 'passed'));
}
