import { expect, test } from 'vitest';
import { stated, wilson, witnessed, witnesses } from '../../../services/analyzer/statistics/confidence.ts';

test.each([
  [3, 3, 0.44],
  [10, 10, 0.72],
  [1_000, 1_000, 0.996],
  [5, 10, 0.24],
  [0, 10, 0],
  [0, 0, 0],
])('%i of %i support a share of %f at least', (part, whole, least) => {
  expect(wilson(part, whole)).toBeCloseTo(least, 2);
});

test('more of the same supports more, and never all', () => {
  expect(wilson(100, 100)).toBeGreaterThan(wilson(10, 10));
  expect(wilson(12, 10)).toBe(wilson(10, 10));
  expect(wilson(1e9, 1e9)).toBeLessThan(1);
});

test('each witness adds less than the one before', () => {
  expect([0, 1, 4, 9].map(witnessed)).toEqual([0, 0.5, 0.8, 0.9]);
  const row = { reporter: 'a', day: '2026-05-01' };
  expect(witnesses([row, row, { ...row, day: '2026-05-02' }, { ...row, reporter: 'b' }])).toBe(3);
});

test('confidence has two digits, from 0 to 1', () => {
  expect([0.126, 1.2, -1].map(stated)).toEqual([0.13, 1, 0]);
});
