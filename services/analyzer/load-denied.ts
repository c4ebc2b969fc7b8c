import type { Tx } from '../shared/runtime/db.ts';
import type { Counted } from '../store/analysis/counted.ts';
import { loadPublished, loadSpfMail } from '../store/dns/published.ts';
import type { DomainData } from './domain-data.ts';
import type { DeniedMail } from './sources/admission.ts';
import type { KeysOfDomain } from './sources/keys.ts';
import { isNetwork } from './sources/network.ts';

/**
 * Reads what the mail of denied sources passes by; null where nobody has denied one of the domain's sources:
 * most domains are asked nothing.
 */
export async function loadDenied(
  tx: Tx,
  { domain, now, from, today, rows, senderList, published }: DomainData,
  { counted, keys }: { counted: Counted; keys: KeysOfDomain },
): Promise<DeniedMail | null> {
  const denied = senderList.filter(({ verdict }) => verdict === 'denied');
  if (denied.length === 0) return null;
  // A selector is the word of a single reporter: where none decides alone, no selector counts.
  const reporters = counted.votes > 1 ? [] : counted.reporters;
  // Where a service of the catalogue is meant, the names that its customers include say which term admits it.
  const named = new Set(denied.filter(({ is_service, source }) => !is_service && !isNetwork(source)).map(({ source }) => source));
  const passesSpf = rows.some(({ source, spf_aligned }) => spf_aligned > 0 && named.has(source));
  return {
    sources: new Set(denied.map(({ source }) => source)),
    uses: await keys.uses(tx, { from, to: today, reporters }),
    published: published ?? (await loadPublished(tx, domain, now)),
    spfMail: passesSpf ? await loadSpfMail(tx, domain, { from, reporters }) : [],
  };
}
