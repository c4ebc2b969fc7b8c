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

  // Reckoned with fifty digits (mpmath).
  const near = (found: number, exact: number) => expect(Math.abs(found / exact - 1)).toBeLessThan(1e-9);

  test.each([
    [0.00001, 11.5129196928958],
    [0.1, 2.25271265173421],
    [0.25, 1.28802252469808],
    [0.4, 0.796677817701784],
    [0.499, 0.574330923160686],
    [0.75, 0.203280951431295],
    [1.5, -0.120782237635245],
    [3.25, 0.935801931108725],
    [40, 106.631760260643],
    [1000.5, 5908.67417584868],
  ])('the logarithm of Γ(%d) is %d', (x, exact) => near(lnGamma(x), exact));

  test.each([
    [0.001, 3, 4, 1.995503599e-8],
    [0.2, 2, 30, 0.991334419725002],
    [0.01, 40, 2, 4.06e-79],
    [0.6, 8, 5, 0.43817822208],
    [0.9, 8, 0.5, 0.201095934003765],
    [0.05, 0.5, 0.5, 0.143566293128706],
    [0.999, 0.3, 2, 0.999999804908942],
    [0.375, 2, 4, 0.6185302734375],
    [0.3751, 2, 4, 0.618713359371876],
    [0.3, 500, 900, 2.28109635035417e-6],
    [0.99, 3, 400, 1],
    [0, 2, 2, 0],
    [0, 0.5, 3, 0],
    [1, 0.5, 3, 1],
  ])('I_x of x = %d, a = %d, b = %d is %d, the smallest ones to nine digits too', (x, a, b, exact) => {
    if (exact === 0) expect(incompleteBeta(x, a, b)).toBe(0);
    else near(incompleteBeta(x, a, b), exact);
  });

  test.each([
    [1, 0.001, 2, 0.000999250499687687],
    [5, 0.1, 1.5, 2.51347041838405e-6],
    [30, 2, 5, 6.05918021320792e-13],
    [3, 3, 1, 0.421875],
    [200, 1, 2, 5.05746455229469e-94],
    [1, 1000, 2, 0.999996015952128],
    [0, 0, 2, 1],
    [-1, 5, 2, 1],
    [0, 5, 2, 1],
  ])('%d or more with mean %d, k %d: %d', (count, mean, k, exact) => near(countTail(count, mean, k), exact));

  test('without anything usual, whatever comes cannot be habit', () => {
    expect([countTail(1, 0, 2), countTail(50, 0, 1.5), countTail(0, 0, 2)]).toEqual([0, 0, 1]);
  });

  test.each([
    [1, 1, 2, 3, 0.4],
    [1, 9, 0.2, 39.8, 0.0403100941375274],
    [20, 20, 0.2, 39.8, 7.06681700056225e-18],
    [15, 40, 4, 36, 0.00151754602227927],
    [3000, 3000, 2, 38, 1.16599829308589e-86],
    [500, 3000, 2, 38, 0.00746153523615392],
    [2, 2, 10, 10, 0.261904761904762],
    // Above 3,000 the share is taken as continuous, from half a message below.
    [500, 3001, 2, 38, 0.00724957682146948],
    [1, 3001, 0.2, 39.8, 0.60184477953317],
    [3002, 3001, 2, 38, 0],
    [13, 10, 2, 3, 0],
    [-1, 9, 2, 38, 1],
  ])('%d of %d or more, of shares around %d to %d: %d', (part, whole, a, b, exact) => {
    if (exact === 0) expect(shareTail(part, whole, a, b)).toBe(0);
    else near(shareTail(part, whole, a, b), exact);
  });

  test('no share is more likely than certain', () => {
    for (const whole of [5, 7, 20]) expect(shareTail(2, whole, 900, 0.001)).toBe(1);
  });
});
