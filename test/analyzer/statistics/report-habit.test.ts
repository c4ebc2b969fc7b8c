import { describe, expect, test } from 'vitest';
import { type ReportedDay, silenceOf } from '../../../services/analyzer/statistics/report-habit.ts';
import { addDays, daysBetween, isWeekend } from '../../../services/shared/days.ts';
import { expectLives } from './invented-habits.ts';

/** A Sunday. */
const LAST = '2026-05-31';
const MANY = ['google.com', 'Yahoo', 'GMX'];

interface Habit {
  last?: string;
  reporters?: string[];
  /** Messages of each reporter on a day; 0: no report. */
  daily?: (day: string, n: number) => number;
  days?: number;
}

function reported({ last = LAST, reporters = MANY, daily = () => 100, days = 60 }: Habit = {}): ReportedDay[] {
  return daysBetween(addDays(last, 1 - days), last).flatMap((day, n) =>
    reporters.flatMap((reporter) => (daily(day, n) > 0 ? [{ day, reporter, messages: daily(day, n) }] : [])),
  );
}

/** The first day of the clock on which the silence is told; null when it is not within two months. */
function toldOn(
  habit: Habit,
  { heard = null, together = false }: { heard?: Set<string> | null; together?: boolean } = {},
): number | null {
  const rows = reported(habit);
  const last = rows
    .map(({ day }) => day)
    .sort()
    .at(-1)!;
  for (let n = 1; n <= 60; n++) if (silenceOf(rows, { last, today: addDays(last, n), heard, together })) return n;
  return null;
}

describe('the silence of all reporters of a domain', () => {
  test('is told when two days of which reports should have come are missing, four days after the last day reported', () => {
    expect(toldOn({})).toBe(4);
    expect(silenceOf(reported(), { last: LAST, today: addDays(LAST, 4), heard: null, together: false })).toMatchObject({
      since: '2026-06-01',
      usual: 300,
      expected: 600,
      days: 2,
      reporters: ['GMX', 'Yahoo', 'google.com'],
    });
  });

  test('is longer than any before it', () => {
    const gap = (from: number, to: number) => toldOn({ daily: (_, n) => (n >= from && n < to ? 0 : 100) });
    expect([gap(40, 41), gap(40, 42), gap(40, 44), gap(40, 48)]).toEqual([5, 6, 8, 12]);
    // What is no habit any more does not count.
    expect([gap(10, 17), gap(18, 19)]).toEqual([4, 4]);
  });

  test('of two reporters takes three days, of one five, as it may have an outage; less where it goes on elsewhere', () => {
    expect(toldOn({ reporters: ['google.com', 'Yahoo'] })).toBe(5);
    expect(toldOn({ reporters: ['google.com'] })).toBe(7);
    expect(toldOn({ reporters: ['google.com'] }, { heard: new Set(['google.com']) })).toBe(4);
    expect(toldOn({ reporters: ['google.com'] }, { heard: new Set(['Yahoo']) })).toBe(7);
  });

  const weekdays = (day: string) => (isWeekend(day) ? 0 : 40);
  test.each([
    ['a business without mail on weekends, from a Friday', { last: '2026-05-29', daily: weekdays }, 7],
    ['mail on two days of three', { daily: (_: string, n: number) => (n % 3 === 0 ? 0 : 20) }, 9],
  ])('%s', (_, habit, days) => expect(toldOn(habit)).toBe(days));

  test('a domain that sends nothing was forged for two weeks: that they end is no silence', () => {
    const trickle = (n: number) => (n % 3 === 0 ? 1 : 0);
    expect(toldOn({ daily: (_, n) => (n > 46 ? 14 : trickle(n)) })).toBeGreaterThan(14);
    expect(toldOn({ daily: () => 14 })).toBe(4);
  });

  test('a holiday beside a weekend is no silence for a business that rests on weekends', () => {
    // Good Friday to Easter Monday 2026: Thursday, 2 April, is the last day with mail, reports resume on the
    // 8th.
    const rows = reported({ last: '2026-04-02', daily: weekdays });
    expect(silenceOf(rows, { last: '2026-04-02', today: '2026-04-08', heard: null, together: false })).toBeNull();
  });

  test('nor are the days between Christmas and New Year', () => {
    const rows = reported({ last: '2026-12-23', daily: weekdays });
    expect(silenceOf(rows, { last: '2026-12-23', today: '2027-01-05', heard: null, together: false })).toBeNull();
    expect(silenceOf(rows, { last: '2026-12-23', today: '2027-01-12', heard: null, together: false })).not.toBeNull();
  });

  test.each<[string, Habit]>([
    ['a newsletter every twelve weeks', { days: 90, daily: (_, n) => (n % 84 < 3 ? 5000 : 0) }],
    ['a campaign at each month’s end', { days: 90, daily: (day) => (day.slice(8) >= '28' ? 800 : 0) }],
    ['a domain with a message now and then', { daily: (_, n) => (n % 5 === 0 ? 1 : 0) }],
    ['a domain that is known for ten days', { days: 10 }],
  ])('%s has no habit of reports that could end', (_, habit) => expect(toldOn(habit)).toBeNull());

  test('beside many others less is asked of each', () => {
    const small = { reporters: ['google.com'], daily: (_: string, n: number) => (n % 2 === 0 ? 1 : 0) };
    expect(toldOn(small)).toBeGreaterThan(10);
    expect(toldOn(small, { together: true })).toBeLessThanOrEqual(5);
  });
});

test('whether invented reports have ceased is as it was', () => expectLives('reports'));
