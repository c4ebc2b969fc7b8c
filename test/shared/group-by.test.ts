import { expect, test } from 'vitest';
import { groupBy } from '../../services/shared/group-by.ts';

test('groups and their members keep the order in which they came', () => {
  const groups = groupBy([3, 1, 4, 2, 5], (n) => (n % 2 === 0 ? 'even' : 'odd'));
  expect([...groups]).toEqual([
    ['odd', [3, 1, 5]],
    ['even', [4, 2]],
  ]);
});

test('nothing makes no group', () => {
  expect(groupBy([], String).size).toBe(0);
});
