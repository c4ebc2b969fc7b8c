import type { Culprit } from '../../findings/figures.ts';
import type { SenderData } from './units.ts';

/** Sources listed in the evidence, the largest; the others are counted. */
const LISTED = 20;

/**
 * The sources of a sender with mail on days, those with the most first, as the evidence lists them.
 * @param passing only what passes is counted, where the finding is about that
 */
export function whoOf({ sources }: SenderData, from: string, to: string, passing = false): { who: Culprit[]; senders: number } {
  const sent = sources.flatMap(({ source, recent }): Culprit[] => {
    const days = recent.filter(({ day }) => day >= from && day <= to);
    if (days.length === 0) return [];
    const messages = days.reduce((n, day) => n + day.messages - (passing ? (day.failing ?? 0) : 0), 0);
    const delivered = days.reduce((n, day) => n + day.delivered, 0);
    return [{ source, messages, delivered: Math.min(messages, delivered) }];
  });
  sent.sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
  return { who: sent.slice(0, LISTED), senders: sent.length };
}

/** The sources for the query of the evidence; none when there are too many to list. */
export function sourcesOf({ sources }: SenderData): { sources: readonly string[] } | Record<string, never> {
  return sources.length > LISTED ? {} : { sources: sources.map(({ source }) => source) };
}
