import { expect, test } from 'vitest';
import { TokenLimit } from '../../services/console/token-limit.ts';

test('requests of a token are counted within a minute, each token by itself', () => {
  const limit = new TokenLimit(2);
  expect([limit.count(1, 0), limit.count(1, 30_000), limit.count(2, 59_000)]).toEqual([1, 0, 1]);
  expect(() => limit.count(1, 59_000)).toThrow(expect.objectContaining({ status: 429, code: 'too_many_requests', after: 1 }));
  expect(limit.count(1, 60_000)).toBe(1);
});

test('a clock that goes back begins another minute', () => {
  const limit = new TokenLimit(1);
  expect(limit.count(1, 600_000)).toBe(0);
  expect(limit.count(1, 500_000)).toBe(0);
  expect(() => limit.count(1, 500_001)).toThrow(expect.objectContaining({ code: 'too_many_requests' }));
});

test('requests of one moment are counted together, from the first on', () => {
  const limit = new TokenLimit(1);
  expect(limit.count(1, 60_000)).toBe(0);
  for (const at of [60_000, 60_001, 119_999]) expect(() => limit.count(1, at)).toThrow(expect.objectContaining({ status: 429 }));
  for (const [at, after] of [
    [60_000, 60],
    [60_999, 60],
    [61_000, 59],
  ] as const)
    expect(() => limit.count(1, at)).toThrow(expect.objectContaining({ after }));
  expect(limit.count(1, 120_000)).toBe(0);
});

test('ten thousand tokens are remembered; one more begins another minute, so that memory stays little', () => {
  const limit = new TokenLimit(1);
  for (let token = 1; token < 10_000; token++) limit.count(token, 1_000_000);
  expect(() => limit.count(1, 1_000_000)).toThrow(expect.objectContaining({ status: 429 }));
  limit.count(10_000, 1_000_000);
  expect(limit.count(1, 1_000_000)).toBe(0);
});
