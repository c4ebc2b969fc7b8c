import { expect, test } from 'vitest';
import { batches, uidSet } from '../../services/poller/uids.ts';

test('a set of UIDs folds runs, and holds no other UID', () => {
  expect(uidSet([])).toBe('');
  expect(uidSet([7])).toBe('7');
  expect(uidSet([1, 2, 3, 7, 9, 10])).toBe('1:3,7,9:10');
});

test('batches keep the order and both limits; a mail above the limit of bytes is alone', () => {
  const sizes = (list: number[], count: number, bytes: number) =>
    batches(
      list.map((size) => ({ size })),
      count,
      bytes,
    ).map((batch) => batch.map(({ size }) => size));
  expect(sizes([], 2, 10)).toEqual([]);
  expect(sizes([1, 2, 3, 4, 5], 2, 100)).toEqual([[1, 2], [3, 4], [5]]);
  expect(sizes([11, 1], 2, 10)).toEqual([[11], [1]]);
  expect(sizes([4, 6, 1, 11, 9, 1], 10, 10)).toEqual([[4, 6], [1], [11], [9, 1]]);
});
