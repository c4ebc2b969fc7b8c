import { expect, test } from 'vitest';
import { backoff, sleep } from '../../services/shared/clock.ts';

test('waits double up to a cap, and half of each is left to chance', () => {
  const shortest = [0, 1, 2, 10].map((n) => backoff(n, 1_000, 60_000, () => 0));
  const longest = [0, 1, 2, 10].map((n) => backoff(n, 1_000, 60_000, () => 1));
  expect(shortest).toEqual([500, 1_000, 2_000, 30_000]);
  expect(longest).toEqual([1_000, 2_000, 4_000, 60_000]);
  expect(backoff(5_000, 1, 10, () => 1)).toBe(10);
  expect([0, 3, 99].map((n) => backoff(n, undefined, undefined, () => 1))).toEqual([1_000, 8_000, 60_000]);
});

test('a sleep ends when it is aborted, also before it began, and never rejects', async () => {
  const stopping = new AbortController();
  const slept = sleep(1e9, stopping.signal);
  stopping.abort();
  await expect(slept).resolves.toBeUndefined();
  await expect(sleep(1e9, AbortSignal.abort())).resolves.toBeUndefined();
});
