import type { Random } from '../demo/random.ts';

/**
 * Draws from the distributions that mail counts follow. All take a seeded source, so a world is the same in
 * every run.
 */

/** A standard normal number (Box-Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** A log-normal number with this median; `sigma` is the standard deviation of its logarithm. */
export function logNormal(random: Random, median: number, sigma: number): number {
  return median * Math.exp(sigma * normal(random));
}

/** A gamma number of mean 1 and variance 1/shape (Marsaglia and Tsang 2000; below shape 1 by their boost). */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return (gamma(random, shape + 1) * (shape + 1) * random.next() ** (1 / shape)) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape;
  }
}

/** A Poisson number; by the normal approximation from a mean of 40. */
export function poisson(random: Random, mean: number): number {
  if (mean >= 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  const limit = Math.exp(-mean);
  let n = -1;
  for (let product = 1; product > limit; n++) product *= random.next();
  return Math.max(0, n);
}

/**
 * A negative binomial number: Poisson around a mean that itself varies. Its variance is mean + mean²/k, so a
 * small `k` is bursty mail.
 */
export function negativeBinomial(random: Random, mean: number, k: number): number {
  return mean <= 0 ? 0 : poisson(random, mean * gamma(random, k));
}

/** How many of `n` come out with probability `p`; by approximation where counting each would be slow. */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  if (n <= 60) {
    let hits = 0;
    for (let i = 0; i < n; i++) if (random.next() < p) hits++;
    return hits;
  }
  if (n * p < 25) return Math.min(n, poisson(random, n * p));
  return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal(random))));
}

/** Divides `n` over the weights at random. */
export function multinomial(random: Random, n: number, weights: readonly number[]): number[] {
  let left = n;
  let rest = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => {
    const part = rest <= 0 ? 0 : binomial(random, left, Math.min(1, weight / rest));
    left -= part;
    rest -= weight;
    return part;
  });
}
