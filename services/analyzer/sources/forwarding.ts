import type { ReporterDay, SourceDay } from '../../store/analysis/window-reads.ts';
import { lnGamma } from '../statistics/tails.ts';

/**
 * Of what a forwarder passes on, so much more than its share ends at the one receiver where its mailboxes
 * are: one of these.
 */
const AT_ONE = [0.3, 0.6, 0.9];
/** No reporter is so small that mail to it proves anything by itself. */
const LEAST_SHARE = 0.005;
/**
 * How far the mix of receivers of one sender strays from that of the whole domain: the sum of a Dirichlet's
 * parameters.
 */
const ALIKE = 12;

/**
 * Whether a source's mail ends where all mail of the domain ends, as that of a sender does, or mostly at one
 * receiver, as that of a forwarder does: the logarithm of the odds, above 0 for a forwarder. Near 0 means too
 * little was seen.
 *
 * Both are Dirichlet-multinomial, for no sender's customers are quite the domain's mix either.
 */
export function forwardingOdds(rows: readonly SourceDay[], reporterDays: readonly ReporterDay[]): number {
  const all = new Map<string, number>();
  for (const { reporter, messages } of reporterDays) all.set(reporter, (all.get(reporter) ?? 0) + messages);
  const own = new Map<string, number>();
  for (const { reporter, messages } of rows) own.set(reporter, (own.get(reporter) ?? 0) + messages);
  const whole = [...all.values()].reduce((a, b) => a + b, 0);
  if (whole === 0 || own.size === 0 || all.size < 2) return 0;
  const shareOf = (reporter: string) => Math.max(LEAST_SHARE, (all.get(reporter) ?? 0) / whole);
  // What both models have in common cancels out.
  const ln = (shares: (reporter: string) => number): number => {
    let sum = 0;
    for (const [reporter, n] of own) {
      const a = ALIKE * shares(reporter);
      sum += lnGamma(n + a) - lnGamma(a);
    }
    return sum;
  };
  const even = ln(shareOf);
  const targets = [...all.keys()].flatMap((target) =>
    AT_ONE.map((part) => ln((reporter) => (reporter === target ? part : 0) + (1 - part) * shareOf(reporter))),
  );
  const most = Math.max(...targets);
  const mixed = targets.reduce((sum, one) => sum + Math.exp(one - most), 0) / targets.length;
  return most + Math.log(mixed) - even;
}
