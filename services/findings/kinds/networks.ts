import { counted, list } from '../../shared/format.ts';
import type { Told } from './kind.ts';

/**
 * "2 networks (198.51.100.0/24 and 203.0.113.0/24)", "8 networks, the largest 203.0.113.0/24,": a verb may
 * follow.
 */
export function networksOf({ evidence }: Told): string {
  const sources = evidence.who.map(({ source }) => source);
  const many = counted(evidence.senders, 'network');
  return evidence.senders > 3 ? `${many}, the largest ${sources[0]},` : `${many} (${list(sources)})`;
}
