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
