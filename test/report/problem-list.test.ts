import { expect, test } from 'vitest';
import { PROBLEMS_PER_CODE } from '../../services/report/limits.ts';
import { Problems } from '../../services/report/problem-list.ts';

test('problems come in the order in which their codes first occurred, equal sentences once', () => {
  const problems = new Problems();
  problems.add('b', 'One.');
  problems.add('a', 'Two.');
  problems.add('b', 'Three.');
  problems.add('a', 'Two.');
  expect(problems.list()).toEqual([
    { code: 'b', message: 'One.' },
    { code: 'b', message: 'Three.' },
    { code: 'a', message: 'Two. (1 more of this kind.)' },
  ]);
  expect([problems.has('a'), problems.has('c')]).toEqual([true, false]);
});

test('of a million of one kind a few are listed, and all are counted', () => {
  const problems = new Problems();
  for (let n = 0; n < 1_000; n++) problems.add('a', `Sentence ${n}.`);
  const list = problems.list();
  expect(list).toHaveLength(PROBLEMS_PER_CODE);
  expect(list.at(-1)!.message).toContain(`(${1_000 - PROBLEMS_PER_CODE} more of this kind.)`);
});
