/**
 * Tails of the distributions that mail counts follow. Small numbers must come out right, as an alarm rests on
 * them: everything goes through the regularized incomplete beta function, in logarithms.
 */

/** Lanczos' approximation (g = 7, nine terms), good to 15 digits; to 12 where x is a hundred thousandth. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** ln Γ(x) for x > 0. */
export function lnGamma(x: number): number {
  const z = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

const lnBeta = (a: number, b: number): number => lnGamma(a) + lnGamma(b) - lnGamma(a + b);

/** The regularized incomplete beta function I_x(a, b), x from 0 to 1, by its continued fraction (Lentz). */
export function incompleteBeta(x: number, a: number, b: number): number {
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - lnBeta(a, b));
  // The fraction converges fast on one side of the mean; the other follows by symmetry.
  const isBelow = x < (a + 1) / (a + b + 2);
  return isBelow ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

const TINY = 1e-300;
const MOST_STEPS = 10_000;

function fraction(x: number, a: number, b: number): number {
  const kept = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= MOST_STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return h;
}

/**
 * P(X >= count) of a negative binomial count: mean `mean`, variance mean + mean²/k. The smaller k, the
 * burstier; a large k is Poisson.
 */
export function countTail(count: number, mean: number, k: number): number {
  if (count <= 0) return 1;
  return incompleteBeta(mean / (k + mean), count, k);
}

/** P(X = 0) of the same. */
export function silenceTail(mean: number, k: number): number {
  return Math.exp(-k * Math.log1p(mean / k));
}

/** Above this many messages the binomial part of a share's spread is nothing beside the day-to-day part. */
const CONTINUOUS = 3000;

/**
 * P(X >= part) when each day has a share of its own, drawn from Beta(a, b), and X of `whole` messages fall
 * under it (beta-binomial).
 */
export function shareTail(part: number, whole: number, a: number, b: number): number {
  if (part <= 0) return 1;
  if (part > whole) return 0;
  if (whole > CONTINUOUS) return incompleteBeta(1 - (part - 0.5) / whole, b, a);
  let ln = lnGamma(whole + 1) - lnGamma(part + 1) - lnGamma(whole - part + 1) + lnBeta(part + a, whole - part + b) - lnBeta(a, b);
  let sum = Math.exp(ln);
  for (let x = part; x < whole; x++) {
    ln += Math.log(((whole - x) * (x + a)) / ((x + 1) * (whole - x - 1 + b)));
    sum += Math.exp(ln);
  }
  return Math.min(1, sum);
}
