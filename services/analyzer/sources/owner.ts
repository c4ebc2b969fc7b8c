import type { Identity } from '../../store/sources/identities.ts';
import { isNetwork } from './network.ts';

/**
 * Whose network a source is: the number of the autonomous system, or the domain of its addresses' names where
 * no number is known; null for a source that is no network, and where nobody knows. Asked of what was just
 * looked up and of what is on file, so that the two never name one owner differently.
 */
export function ownerOf({
  source,
  identified_by,
  grouped_as,
  asn,
}: Pick<Identity, 'source' | 'asn'> & { identified_by: string | null; grouped_as: string | null }): string | null {
  if (!isNetwork(source)) return null;
  if (asn !== null) return `AS${asn}`;
  return identified_by === 'reverse_name' ? grouped_as : null;
}
