import { describe, expect, test } from 'vitest';
import { countTail, incompleteBeta, lnGamma, shareTail, silenceTail } from '../../../services/analyzer/statistics/tails.ts';

/** P(X >= count) of a negative binomial by adding up what it says of each lower count. */
function countTailSlowly(count: number, mean: number, k: number): number {
  let below = 0;
  for (let x = 0; x < count; x++) {
    below += Math.exp(
      lnGamma(x + k) - lnGamma(k) - lnGamma(x + 1) + k * Math.log(k / (k + mean)) + x * Math.log(mean / (k + mean)),
    );
  }
  return 1 - below;
}

describe('tails', () => {
  test('the gamma function at points where it is known', () => {
    expect(Math.exp(lnGamma(5))).toBeCloseTo(24, 9);
    expect(Math.exp(lnGamma(0.5))).toBeCloseTo(Math.sqrt(Math.PI), 12);
    expect(lnGamma(101)).toBeCloseTo(363.739375555563, 9);
  });

  test('the incomplete beta function at points where it has a closed form', () => {
    // I_x(1, b) = 1 - (1 - x)^b, I_x(a, 1) = x^a, I_1/2(a, a) = 1/2.
    expect(incompleteBeta(0.3, 1, 4)).toBeCloseTo(1 - 0.7 ** 4, 12);
    expect(incompleteBeta(0.3, 5, 1)).toBeCloseTo(0.3 ** 5, 12);
    expect(incompleteBeta(0.5, 7.5, 7.5)).toBeCloseTo(0.5, 12);
    expect(incompleteBeta(0, 2, 2)).toBe(0);
    expect(incompleteBeta(1, 2, 2)).toBe(1);
  });

  test.each([
    [1, 0.7, 1.5],
    [9, 1.5, 2],
    [40, 20, 5],
    [3, 0.1, 1],
  ])('a count of %d at least, mean %d, k %d: as the probabilities add up', (count, mean, k) => {
    expect(countTail(count, mean, k)).toBeCloseTo(countTailSlowly(count, mean, k), 10);
  });

  test('a tail far out is small and not nothing, and keeps falling', () => {
    const far = countTail(500, 1, 2);
    expect(far).toBeGreaterThan(0);
    expect(far).toBeLessThan(1e-80);
    expect(countTail(501, 1, 2)).toBeLessThan(far);
  });

  test('burstier mail makes a large count less of a surprise; a large k is Poisson', () => {
    expect(countTail(20, 5, 1)).toBeGreaterThan(countTail(20, 5, 10));
    const poisson = 1 - [0, 1, 2, 3].reduce((sum, x) => sum + (Math.exp(-2) * 2 ** x) / Math.exp(lnGamma(x + 1)), 0);
    expect(countTail(4, 2, 1e7)).toBeCloseTo(poisson, 6);
    expect(silenceTail(3, 1e7)).toBeCloseTo(Math.exp(-3), 6);
  });

  test('a share of failures: uniform when a = b = 1, binomial when days do not differ, and one formula goes over into the other', () => {
    // Beta-binomial of n with a = b = 1 is uniform on 0 to n.
    expect(shareTail(7, 9, 1, 1)).toBeCloseTo(0.3, 12);
    expect(shareTail(3, 3, 0.2e7, 0.8e7)).toBeCloseTo(0.008, 6);
    expect(shareTail(300, 2999, 2, 38)).toBeCloseTo(shareTail(301, 3009, 2, 38), 2);
    expect(shareTail(0, 10, 2, 3)).toBe(1);
    expect(shareTail(11, 10, 2, 3)).toBe(0);
  });

  test('two percent of a million is nothing for a sender that varies; half is', () => {
    expect(shareTail(20_000, 1_000_000, 0.2, 39.8)).toBeGreaterThan(0.01);
    expect(shareTail(500_000, 1_000_000, 0.2, 39.8)).toBeLessThan(1e-8);
  });
});
