import { expect, test } from 'vitest';
import { slices } from '../../services/shared/slices.ts';

test.each([
  [[], []],
  [[1], [[1]]],
  [[1, 2], [[1, 2]]],
  [
    [1, 2, 3],
    [[1, 2], [3]],
  ],
  [
    [1, 2, 3, 4],
    [
      [1, 2],
      [3, 4],
    ],
  ],
])('%j, two at a time: %j', (list, wanted) => {
  expect([...slices(list, 2)]).toEqual(wanted);
});
