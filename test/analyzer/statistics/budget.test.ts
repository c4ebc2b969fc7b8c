import { expect, test } from 'vitest';
import { levelOf, onceLevelOf } from '../../../services/analyzer/statistics/budget.ts';

test('a day has a thirtieth of the budget, each kind an equal part of that, and each test of a kind', () => {
  const level = (tests: number) => levelOf({ perMonth: 2, kinds: 8 }, tests);
  expect([0, 1, 2, 10].map((tests) => 120 * level(tests))).toEqual([1, 1, 0.5, 0.1].map((part) => expect.closeTo(part, 12)));
});

test('a test that is valid for ever has the budget of a month for each subject, and is never as good as a coin', () => {
  const level = (perMonth: number, subjects: number) => onceLevelOf({ perMonth, kinds: 8 }, subjects);
  expect([0, 1, 2, 4].map((subjects) => level(2, subjects))).toEqual([0.25, 0.25, 0.125, 0.0625]);
  expect([3.9, 4, 4.1, 80].map((perMonth) => level(perMonth, 1))).toEqual([0.4875, 0.5, 0.5, 0.5]);
});
