import type { BrokenSender } from '../../findings/figures.ts';
import { later } from '../../shared/days.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import { type Counts, failedOf, reportersOf, total } from './window.ts';

/** What an incident says of one sender whose mail fails, by its rows since the change. */
export function brokenPart(
  source: string,
  after: readonly SourceDay[],
  found: Pick<BrokenSender, 'since' | 'last_good_day' | 'mechanism' | 'confidence' | 'before' | 'at'>,
): BrokenSender {
  const sums = total(after);
  const messages = failedOf(sums);
  const bad = after.filter((row) => failedOf(row) > 0);
  const badDays = new Set(bad.map((row) => row.day)).size;
  return {
    source,
    ...found,
    last_day: bad.map((row) => row.day).reduce(later),
    messages,
    of: sums.messages,
    per_day: messages / Math.max(1, badDays),
    delivered: Math.min(messages, sums.failed_delivered),
    quarantined: Math.min(messages, sums.quarantined),
    rejected: Math.min(messages, sums.rejected),
    reporters: reportersOf(bad),
    ...(found.mechanism !== 'dkim' && inError(sums, messages)),
  };
}

/** How SPF ended for the failing mail, where its record could not be evaluated. */
function inError({ spf_permerror, spf_temperror }: Counts, messages: number): Pick<BrokenSender, 'error'> {
  if (2 * (spf_permerror + spf_temperror) < messages) return {};
  return { error: spf_permerror >= spf_temperror ? 'permerror' : 'temperror' };
}

/** A mechanism is lost when at least this part of the failing mail used to have it. */
const LOST = 0.5;

/**
 * Which mechanism the failing mail lost: each by itself, from how many messages had it before and do not
 * since. (One of three hosts that lost both leaves most of the mail with both.)
 */
export function mechanismOf(before: Counts, after: Counts): 'dkim' | 'spf' | 'both' {
  const failing = Math.max(1, failedOf(after));
  const lost = (name: 'dkim_aligned' | 'spf_aligned') =>
    ((before[name] / Math.max(1, before.messages)) * after.messages - after[name]) / failing;
  const dkim = lost('dkim_aligned');
  const spf = lost('spf_aligned');
  if (dkim >= LOST && spf >= LOST) return 'both';
  return dkim >= spf ? 'dkim' : 'spf';
}
