import { earlier, later } from '../../shared/days.ts';
import type { Candidate } from '../../store/findings/findings.ts';

type Summed = 'messages' | 'senders' | 'delivered' | 'quarantined' | 'rejected' | 'per_day';

/** What a figure of several candidates comes to. */
export function summed(all: readonly Candidate[], figure: Summed): number {
  return all.reduce((n, { evidence }) => n + evidence[figure], 0);
}

/**
 * What several candidates have in common as one finding: their span, their most certain one, and all their
 * reporters.
 */
export function joinedSpan(all: readonly Candidate[]) {
  return {
    first_day: all.map((one) => one.first_day).reduce(earlier),
    last_day: all.map((one) => one.last_day).reduce(later),
    confidence: Math.max(...all.map(({ confidence }) => confidence)),
    reporters: [...new Set(all.flatMap(({ evidence }) => evidence.reporters))],
  };
}

/** The messages that those of a finding are a part of: no fewer than it has itself. */
export function wholeOf(all: readonly Candidate[], messages: number): number {
  return Math.max(messages, ...all.map(({ evidence }) => evidence.of));
}
