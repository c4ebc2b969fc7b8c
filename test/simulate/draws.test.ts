import { expect, test } from 'vitest';
import { Random } from '../../demo/random.ts';
import { binomial, multinomial, negativeBinomial, poisson } from '../../simulate/draws.ts';

function moments(draw: (random: Random) => number, n = 20_000) {
  const random = new Random(7);
  const values = Array.from({ length: n }, () => draw(random));
  const mean = values.reduce((a, b) => a + b, 0) / n;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / n, values };
}

test.each([0.3, 5, 39, 400])('a Poisson number has mean and variance %d', (rate) => {
  const { mean, variance, values } = moments((random) => poisson(random, rate));
  expect(mean / rate).toBeCloseTo(1, 1);
  expect(variance / rate).toBeCloseTo(1, 1);
  expect(values.every((n) => Number.isInteger(n) && n >= 0)).toBe(true);
});

test.each([
  [3, 2],
  [50, 4],
  [2000, 12],
])('a negative binomial number of mean %d and k %d is over-dispersed by mean²/k', (rate, k) => {
  const { mean, variance } = moments((random) => negativeBinomial(random, rate, k));
  expect(mean / rate).toBeCloseTo(1, 1);
  expect(variance / (rate + rate ** 2 / k)).toBeGreaterThan(0.9);
  expect(variance / (rate + rate ** 2 / k)).toBeLessThan(1.1);
});

test.each([
  [10, 0.9],
  [1000, 0.002],
  [1000, 0.4],
])('a binomial number of %d with %d stays in bounds, around its mean', (n, p) => {
  const { mean, values } = moments((random) => binomial(random, n, p));
  expect(mean / (n * p)).toBeCloseTo(1, 1);
  expect(Math.max(...values)).toBeLessThanOrEqual(n);
});

test('a division over weights loses nothing and gives nothing to a weight of 0', () => {
  const random = new Random(3);
  for (let n = 0; n < 500; n += 7) {
    const parts = multinomial(random, n, [5, 0, 1, 0.01]);
    expect(parts.reduce((a, b) => a + b, 0)).toBe(n);
    expect(parts[1]).toBe(0);
  }
});
