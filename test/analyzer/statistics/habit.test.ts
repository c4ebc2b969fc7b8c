import { describe, expect, test } from 'vitest';
import { levelOf, onceLevelOf } from '../../../services/analyzer/statistics/budget.ts';
import { Attendance, Habit, Series } from '../../../services/analyzer/statistics/habit.ts';
import { daysBetween, isWeekend } from '../../../services/shared/days.ts';

import type { ReporterDay } from '../../../services/store/analysis/window-reads.ts';
import { ago } from '../rows.ts';
import { expectLives } from './invented-habits.ts';

type Count = (day: string, reporter: string) => number | null;

/** What reporters say from 34 days ago until today; null: nothing at all that day. */
function world(reporters: readonly string[], count: Count) {
  const reporterDays: ReporterDay[] = [];
  const series = new Series();
  for (const day of daysBetween(ago(34), ago(0))) {
    for (const reporter of reporters) {
      const n = count(day, reporter);
      if (n === null) continue;
      reporterDays.push({
        day,
        reporter,
        messages: n + 100,
        background: 0,
        networks: 0,
        background_below: 0,
        networks_below: 0,
        contradicted: 0,
        dkim_aligned: 0,
        spf_aligned: 0,
      });
      series.add(reporter, day, n);
    }
  }
  return { attendance: new Attendance(reporterDays), series, base: daysBetween(ago(34), ago(7)) };
}

const habitOf = (w: ReturnType<typeof world>, robust = false) => new Habit({ ...w, prior: 5, robust });
/** Some unrest that adds up to nothing. */
const unrest = (day: string) => (Date.parse(day) / 86_400_000) % 3;

describe('a habit', () => {
  const office: Count = (day, reporter) => (isWeekend(day) ? 20 : 100) * (reporter === 'a' ? 3 : 1) + unrest(day);

  test('weekends are expected of weekends', () => {
    const habit = habitOf(world(['a', 'b'], office));
    // TODAY is a Friday.
    expect(habit.expected([ago(1)]).mean).toBeGreaterThan(380);
    expect(habit.expected([ago(1)]).mean).toBeLessThan(420);
    expect(habit.expected([ago(6)]).mean).toBeGreaterThan(70);
    expect(habit.expected([ago(6)]).mean).toBeLessThan(110);
  });

  test('of a regular reporter that has fallen silent nothing is expected; of one that may only be late, all', () => {
    const silent = (since: number) =>
      habitOf(world(['a', 'b'], (day, reporter) => (reporter === 'a' && day >= ago(since) ? null : office(day, reporter))));
    const ofLast = (since: number) => silent(since).expected([ago(1)]).mean;
    expect(ofLast(6)).toBeGreaterThan(90);
    expect(ofLast(6)).toBeLessThan(115);
    expect(ofLast(2)).toBeGreaterThan(380);
    // Of days long past nobody is late any more.
    expect(silent(5).expected([ago(4)]).mean).toBeLessThan(115);
  });

  test('one that speaks now and then is expected with its mean over all days, whether it speaks or not', () => {
    const w = world(['a', 'b'], (day, reporter) => (reporter === 'b' && Date.parse(day) % (4 * 86_400_000) !== 0 ? null : 40));
    const { mean } = habitOf(w).expected([ago(1)]);
    expect(mean).toBeGreaterThan(46);
    expect(mean).toBeLessThan(54);
  });

  test('bursty mail has a small k, steady mail a large one', () => {
    const steady = habitOf(world(['a'], (day) => 100 + unrest(day))).expected([ago(1)]).k;
    const bursty = habitOf(world(['a'], (day) => (Date.parse(day) % (7 * 86_400_000) === 0 ? 700 : 0))).expected([ago(1)]).k;
    expect(steady).toBeGreaterThan(15);
    expect(bursty).toBeLessThan(0.5);
  });

  test('of days that come together, each is as unsteady as one, and their sum a little less', () => {
    const habit = habitOf(world(['a'], () => 100));
    const one = habit.expected([ago(1)]);
    const three = habit.expected([ago(1), ago(2), ago(3)]);
    expect([one.mean, three.mean]).toEqual([100, 300]);
    expect(three.k / one.k).toBeCloseTo(Math.sqrt(3), 12);
    expect(habit.expected([])).toEqual({ mean: 0, k: habit.expected([ago(1)]).k });
    // A day without any of its mail makes the sum no steadier.
    const sparse = habitOf(world(['a'], (day) => (isWeekend(day) ? 0 : 100)));
    expect(sparse.expected([ago(1), ago(6)]).k / sparse.expected([ago(1)]).k).toBeCloseTo(1, 1);
  });

  test('an incident of ten days does not become the habit of the next; three bursts are a habit', () => {
    const incident = world(['a'], (day) => (day >= ago(20) && day < ago(10) ? 60 : unrest(day)));
    expect(habitOf(incident, true).usual).toBeLessThan(4);
    expect(habitOf(incident, false).usual).toBeGreaterThan(15);
    const bursts = world(['a'], (day) => ([10, 17, 24, 31].some((n) => day === ago(n)) ? 60 : unrest(day)));
    expect(habitOf(bursts, true).usual).toBeGreaterThan(6);
  });
});

describe('attendance', () => {
  test('names the regular reporters that are missing on a day', () => {
    const { attendance } = world(['a', 'b', 'c'], (day, reporter) =>
      (reporter === 'a' && day === ago(0)) || (reporter === 'c' && day > ago(30)) ? null : 1,
    );
    expect(attendance.missing(ago(0))).toEqual(['a']);
    expect(attendance.missing(ago(1))).toEqual([]);
  });

  test('a reporter is awaited on recent days, and until it has said nothing for three', () => {
    const silentFrom = (since: number) =>
      world(['a', 'b'], (day, reporter) => (reporter === 'a' && day >= ago(since) ? null : 1)).attendance;
    expect([0, 1, 2, 3].map((n) => silentFrom(9).awaited(ago(n)))).toEqual([[], [], [], []]);
    expect([0, 1, 2].map((n) => silentFrom(2).awaited(ago(n)))).toEqual([['a'], ['a'], ['a']]);
    expect([0, 1, 2, 3].map((n) => silentFrom(3).awaited(ago(n)))).toEqual([[], ['a'], ['a'], []]);
  });

  test('a day is judged when those who spoke carry half of its usual messages, whatever their number, or when nobody is awaited', () => {
    const told: Record<string, number> = { large: 500, middle: 300, small: 100, tiny: 10 };
    const spoken = (last: string[], since = 0) =>
      world(Object.keys(told), (day, reporter) => (day < ago(since) || last.includes(reporter) ? told[reporter]! - 100 : null))
        .attendance;
    const judged = (...last: string[]) => spoken(last).isCovered(ago(0));
    expect(judged('middle', 'small', 'tiny')).toBe(false);
    expect(judged('large')).toBe(true);
    expect(judged('middle', 'small')).toBe(false);
    // A large one that never speaks again must not put off judgement for ever.
    expect([0, 1, 2, 3].map((n) => spoken(['middle', 'small', 'tiny'], 3).isCovered(ago(n)))).toEqual([true, false, false, true]);
  });

  test('there is no habit before the domain was first reported on', () => {
    const { attendance } = world(['a'], (day) => (day < ago(9) ? null : 1));
    expect(attendance.habitBefore(ago(6))).toEqual([ago(9), ago(8), ago(7)]);
    expect(attendance.habitBefore(ago(20))).toEqual([]);
  });
});

test('the budget: a domain tested every day is wrong no more often than granted', () => {
  const tests = 12;
  const kinds = 8;
  expect(levelOf({ perMonth: 1, kinds }, tests) * tests * kinds * 30).toBeCloseTo(1, 12);
  expect(levelOf({ perMonth: 0.5, kinds }, tests)).toBeCloseTo(levelOf({ perMonth: 1, kinds }, tests) / 2, 15);
  // What is tested once of each of three new sources in a month.
  expect(onceLevelOf({ perMonth: 1, kinds }, 3) * 3 * kinds).toBeCloseTo(1, 12);
});

test('nothing is expected where there are no days of habit', () => {
  const w = world(['a', 'b'], () => 50);
  expect(new Habit({ ...w, base: [], prior: 5, robust: false }).expected([ago(1)]).mean).toBe(0);
});

test('what is expected after invented days is as it was', () => expectLives('habit'));
