import type { KeyUse } from '../../store/analysis/senders.ts';
import { lnGamma } from '../statistics/tails.ts';

/**
 * A source may be the author of mail under a key when this part of what it signs is under it: keys are
 * rotated.
 */
const AUTHOR = 0.3;
/** And it signs this part of what others carry under the key: what is less was passed on for them. */
const CARRIED = 0.2;
/** Messages under keys of others than the main author, below which nothing is said. */
const LEAST = 5;
/**
 * How far the mix of a forwarder strays from that of the domain's authors: the sum of a Dirichlet's
 * parameters.
 */
const ALIKE = 4;
/**
 * Who has the key of one author sends under that alone, but for this part: the same, and the sum of
 * parameters.
 */
const STRAY = 0.03;
const PURE = 20;
/** Log odds from which on it is a mix: twenty to one. */
const CLEAR = 3;
/** Of what it signs, this part is under keys that nobody else signs with: then it is a sender by itself. */
const OWN_KEY = 0.1;

/**
 * Whether sources together pass on mail of the domain's authors: what they carry bears the keys of several of
 * these, each of whom goes on signing with its own, in about the parts in which they send. A sender has one
 * key; a stolen key is one too; a forwarder, an alumni office or a gateway has them all, however large its
 * share of the domain's mail is. Nobody gets there without signatures of several authors that verify: to hide
 * the mail of one stolen key takes a fifth of genuine mail of another author.
 *
 * Both models are Dirichlet-multinomial over the authors of keys.
 * @param uses which keys the sources of the domain sign with, from loadKeyUses
 */
export function carriesMix(uses: readonly KeyUse[], sources: ReadonlySet<string>): boolean {
  const authors = authorsOf(uses, sources);
  const carried = new Map<string, number>();
  const sent = new Map<string, number>();
  let own = 0;
  let all = 0;
  for (const { source, key, passed } of uses) {
    const author = authors.get(key);
    if (sources.has(source)) {
      all += passed;
      if (author === undefined) own += passed;
      else carried.set(author, (carried.get(author) ?? 0) + passed);
    } else if (author === source) sent.set(author, (sent.get(author) ?? 0) + passed);
  }
  const counts = [...carried.values()];
  if (own > OWN_KEY * all || all - own - Math.max(0, ...counts) < LEAST) return false;
  const whole = [...sent.values()].reduce((a, b) => a + b, 0);
  const shares = [...sent].map(([author, n]) => ({ n: carried.get(author) ?? 0, share: n / whole }));
  const ln = (parameter: (share: number, i: number) => number): number =>
    shares.reduce((sum, { n, share }, i) => {
      const a = parameter(share, i);
      return sum + lnGamma(n + a) - lnGamma(a);
    }, 0);
  const total = all - own;
  // What the two sums of parameters do not have in common.
  const norm = (sum: number) => lnGamma(sum) - lnGamma(total + sum);
  const mixed = ln((share) => ALIKE * share) + norm(ALIKE);
  const pure = shares.map((_, target) => ln((share, i) => PURE * (STRAY * share + (i === target ? 1 - STRAY : 0))) + norm(PURE));
  return mixed - Math.max(...pure) >= CLEAR;
}

/** Who signs with each key besides these sources: the largest of those that sign with few others. */
function authorsOf(uses: readonly KeyUse[], sources: ReadonlySet<string>): Map<string, string> {
  const signed = new Map<string, number>();
  const carried = new Map<string, number>();
  for (const { source, key, passed } of uses) if (sources.has(source)) carried.set(key, (carried.get(key) ?? 0) + passed);
  for (const { source, passed } of uses) signed.set(source, (signed.get(source) ?? 0) + passed);
  const authors = new Map<string, KeyUse>();
  for (const use of uses) {
    if (sources.has(use.source) || use.passed < AUTHOR * signed.get(use.source)!) continue;
    if (use.passed < CARRIED * (carried.get(use.key) ?? 0)) continue;
    const other = authors.get(use.key);
    if (other === undefined || use.passed > other.passed || (use.passed === other.passed && use.source < other.source))
      authors.set(use.key, use);
  }
  return new Map([...authors].map(([key, { source }]) => [key, source]));
}
