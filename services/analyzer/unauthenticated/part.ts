import type { Network, ReporterDay, Rest } from '../../store/analysis/window-reads.ts';
import { type DomainWindow, openOf } from '../rules/window.ts';

/** Days looked at, and report days without such mail after which a finding resolves. */
export const UNAUTHORIZED_DAYS = 7;

/**
 * Which mail: as the domain itself, or as names below it. A network counts as what most of its mail is, so
 * that one cause is one finding.
 */
export type Part = 'domain' | 'below';
/** The kind of finding of each part. */
export const KIND_OF: Record<Part, string> = { domain: 'unauthorized_source', below: 'subdomain_abuse' };

/**
 * Which part a network's mail belongs to: what an open finding says of it already, else what most of it is.
 */
export function partOf(network: Network, window: DomainWindow): Part {
  for (const part of ['below', 'domain'] as const) {
    const open = openOf(window.known, KIND_OF[part], window.domain);
    if (open?.evidence.who.some(({ source }) => source === network.source)) return part;
  }
  const sum = (of: 'below' | 'failed') => network.days.reduce((n, day) => n + day[of], 0);
  return 2 * sum('below') > sum('failed') ? 'below' : 'domain';
}

/** The networks of one part that are too many to list. */
export function othersOf({ networks }: DomainWindow, part: Part): Rest {
  const { others, others_below: below } = networks;
  if (part === 'below') return below;
  const ofBelow = new Map(below.days.map((day) => [day.day, day]));
  const days = others.days.map(({ day, ...sums }) => {
    const less = ofBelow.get(day);
    return {
      day,
      failed: sums.failed - (less?.failed ?? 0),
      delivered: sums.delivered - (less?.delivered ?? 0),
      quarantined: sums.quarantined - (less?.quarantined ?? 0),
      rejected: sums.rejected - (less?.rejected ?? 0),
    };
  });
  return {
    networks: others.networks - below.networks,
    failed: others.failed - below.failed,
    days: days.filter(({ failed }) => failed > 0),
  };
}

export const NO_REST: Rest = { networks: 0, failed: 0, days: [] };

/** What a reporter saw of one part on a day. */
export function backgroundOf(row: ReporterDay, part: Part): { messages: number; networks: number } {
  if (part === 'below') return { messages: row.background_below, networks: row.networks_below };
  return { messages: row.background - row.background_below, networks: row.networks - row.networks_below };
}
