import { beforeEach, expect, test, vi } from 'vitest';
import type { Queryable } from '../../../services/shared/runtime/db.ts';
import { Kept } from '../../../services/store/console/page-cache.ts';
import { type Reader, readKept, type Scope } from '../../../services/store/console/scope.ts';

let now = 0;
let kept: Kept;
beforeEach(() => {
  now = 1000;
  kept = new Kept();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  return () => vi.restoreAllMocks();
});

/** Asks what takes so long. @returns the answer, and whether it was asked for */
async function ask(key: string, took: number, answer: unknown): Promise<unknown> {
  const [row] = await kept.of(key, async () => {
    now += took;
    return [answer];
  });
  return row;
}

test('an answer is kept for twenty times what it took, and for ten seconds at most', async () => {
  expect(await ask('a', 100, 1)).toBe(1);
  now += 1999;
  expect(await ask('a', 100, 2)).toBe(1);
  now += 2;
  expect(await ask('a', 9000, 3)).toBe(3);
  now += 9_999;
  expect(await ask('a', 1, 4)).toBe(3);
  now += 2;
  expect(await ask('a', 1, 5)).toBe(5);
});

test('what is answered fast is asked each time, and so is what failed', async () => {
  expect([await ask('a', 4, 1), await ask('a', 4, 2)]).toEqual([1, 2]);
  await expect(kept.of('b', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await ask('b', 100, 3)).toBe(3);
});

test('who asks meanwhile gets the same answer, and nobody does after a change', async () => {
  const ends: ((rows: number[]) => void)[] = [];
  const slow = () => new Promise<number[]>((resolve) => ends.push(resolve));
  const [first, second] = [kept.of('a', slow), kept.of('a', slow)];
  kept.forget();
  const third = kept.of('a', slow);
  expect(ends).toHaveLength(2);
  now += 100;
  ends[0]!([1]);
  ends[1]!([2]);
  expect(await Promise.all([first, second, third])).toEqual([[1], [1], [2]]);
  expect(await ask('a', 1, 3)).toBe(2);
});

test('rows of answers are bounded: what was kept first goes first', async () => {
  const rows = (n: number) => async () => {
    now += 400;
    return Array<number>(n).fill(n);
  };
  for (const n of [30_001, 20_001, 10]) await kept.of(String(n), rows(n));
  expect(await ask('30001', 1, 'anew')).toBe('anew');
  expect(await ask('20001', 1, 'anew')).toBe(20_001);
});

test('people with other domains, and other questions, get answers of their own', async () => {
  const asked: string[] = [];
  const db = {
    query: async (sql: string, values: unknown[]) => {
      now += 100;
      asked.push(JSON.stringify(values));
      return { rows: [{ sql, values }] };
    },
  } as unknown as Queryable;
  const of = (scope: Scope, from: string) =>
    readKept({ db, scope, kept } satisfies Reader, ['domain_days'], 'select from domain_days where day >= $1', [from]);
  const [a, b] = [
    { all: false, domains: ['a.example'] },
    { all: false, domains: ['b.example'] },
  ];
  const answers = [];
  for (const scope of [a, b, { all: true, domains: [] }, a]) answers.push(await of(scope, '2026-11-01'));
  await of(a, '2026-11-02');
  expect(asked).toHaveLength(4);
  expect(answers[3]).toBe(answers[0]);
  expect(new Set(answers).size).toBe(3);
});
