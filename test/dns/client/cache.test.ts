import { expect, test } from 'vitest';
import { Cache } from '../../../services/dns/client/cache.ts';

function cache(entries: number, size: number) {
  const clock = { now: 0 };
  return { clock, kept: new Cache<string>(entries, size, () => clock.now) };
}

test('an answer lives for its seconds', () => {
  const { clock, kept } = cache(10, 100);
  kept.set('a', 'A', 2, 1);
  clock.now = 1_999;
  expect(kept.get('a')).toBe('A');
  clock.now = 2_000;
  expect(kept.get('a')).toBeUndefined();
});

test('what lives no second, or is too large, is not kept, and ends what was there', () => {
  const { kept } = cache(10, 100);
  for (const [seconds, size] of [
    [0, 1],
    [Number.NaN, 1],
    [5, 101],
  ] as const) {
    kept.set('a', 'old', 60, 1);
    kept.set('a', 'new', seconds, size);
    expect(kept.get('a')).toBeUndefined();
  }
});

test('the oldest go first, by number and by size', () => {
  const { kept } = cache(2, 10);
  for (const key of ['a', 'b', 'c']) kept.set(key, key, 60, 1);
  expect(['a', 'b', 'c'].map((key) => kept.get(key))).toEqual([undefined, 'b', 'c']);
  kept.set('d', 'd', 60, 9);
  expect(['b', 'c', 'd'].map((key) => kept.get(key))).toEqual([undefined, 'c', 'd']);
  // The size of what was replaced, dropped or expired is free again.
  kept.clear();
  kept.set('e', 'e', 60, 10);
  kept.set('e', 'e2', 60, 5);
  kept.set('f', 'f', 60, 5);
  expect(['e', 'f'].map((key) => kept.get(key))).toEqual(['e2', 'f']);
});
