import { expect, test } from 'vitest';
import { failingRun, passesAgainSince } from '../../../services/analyzer/statistics/series.ts';
import { ago } from '../rows.ts';
import { expectLives } from './invented-habits.ts';

/** Days oldest first, the last is today: [passed, failed]. */
const days = (...counts: [number, number][]) =>
  counts.map(([passed, failed], i) => ({ day: ago(counts.length - 1 - i), passed, failed }));
const run = (...counts: [number, number][]) => failingRun(days(...counts)).map(({ day }) => day);

test('the run of failing days that reaches to the newest one', () => {
  expect(run([9, 0], [0, 9], [9, 0], [0, 9], [1, 9])).toEqual([ago(1), ago(0)]);
  expect(run([0, 9], [0, 9])).toEqual([ago(1), ago(0)]);
  expect(run([0, 9], [9, 0])).toEqual([]);
  expect(run()).toEqual([]);
  // As much passes as fails: that is no failing day.
  expect(run([5, 5])).toEqual([]);
});

test('a few stray messages that pass do not break it, a tenth of its volume is not yet more than that', () => {
  expect(run([0, 100], [10, 0], [0, 100])).toHaveLength(3);
  expect(run([0, 100], [11, 0], [0, 100])).toHaveLength(1);
});

const since = (lastBad: number, ...counts: [number, number][]) => passesAgainSince(days(...counts), ago(lastBad));

test('a source passes again after two good days with ten messages', () => {
  expect(since(2, [0, 9], [5, 0], [5, 0])).toBe(ago(1));
  expect(since(2, [0, 9], [5, 0], [4, 0])).toBeNull();
  expect(since(1, [0, 9], [50, 0])).toBeNull();
});

test('a bad day begins it anew, and four in five passing is a good day', () => {
  expect(since(4, [0, 9], [50, 0], [1, 9], [5, 0], [5, 0])).toBe(ago(1));
  expect(since(2, [0, 9], [8, 2], [8, 2])).toBe(ago(1));
  expect(since(2, [0, 9], [8, 2], [79, 21])).toBeNull();
});

test('what is said of invented days is as it was', () => expectLives('series'));
