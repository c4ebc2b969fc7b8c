import { randomBytes } from 'node:crypto';
import type { AskOptions, Dns } from '../client/types.ts';
import { isDmarc, parseDmarc, type ReportUri } from './record.ts';

/** Whether a domain takes the reports about another one (RFC 9990 section 4). */
export type Destination =
  | {
      state: 'authorized';
      /** "exact": the record stands there for just this domain; "wildcard": the same answer comes for any name beside it. */
      by: 'exact' | 'wildcard';
      /** Where the reports are to go instead; empty when the record says nothing of it. */
      rua: readonly ReportUri[];
      name: string;
    }
  | { state: 'unauthorized'; name: string }
  /** Nobody could say; `message` is a sentence. */
  | { state: 'unknown'; message: string; name: string };

/**
 * Asks whether reports about `domain` may go to `destination`, a domain of another organization: by a TXT record
 * `<domain>._report._dmarc.<destination>` that begins with v=DMARC1. (Whether the two are one organization is the caller's to say: then
 * no record is needed.)
 *
 * A wildcard `*._report._dmarc` says that reports of anyone are taken, and so nothing of this domain. It is told from a record for just
 * this domain by asking for a random name beside it: a wildcard that covers the one covers the other, since both have the same parents
 * (RFC 4592 section 3.3.1). An exact record with the very text of such a wildcard cannot be told from it, and counts as wildcard.
 */
export async function checkDestination(
  domain: string,
  destination: string,
  dns: Dns,
  options: AskOptions = {},
): Promise<Destination> {
  const [first = '', ...rest] = domain.replace(/\.$/, '').toLowerCase().split('.');
  const nameOf = (label: string) => [label, ...rest, '_report', '_dmarc', destination.toLowerCase()].join('.');
  const name = nameOf(first);
  const found = await recordsAt(name, dns, options);
  if (typeof found === 'string') return { state: 'unknown', message: found, name };
  if (found.length === 0) return { state: 'unauthorized', name };
  const beside = await recordsAt(nameOf(anyLabel()), dns, options);
  if (typeof beside === 'string') return { state: 'unknown', message: beside, name };
  const rua = found.flatMap((text) => parseDmarc(text)?.rua ?? []);
  const told = (by: 'exact' | 'wildcard'): Destination => ({ state: 'authorized', by, rua, name });
  if (beside.length === 0) return told('exact');
  if (found.every((text) => beside.includes(text))) return told('wildcard');
  // Another text than that of the name beside it: a record of its own, unless the server makes up a text for every name.
  const third = await recordsAt(nameOf(anyLabel()), dns, options);
  if (typeof third === 'string') return { state: 'unknown', message: third, name };
  return told([...third].sort().join('\n') === [...beside].sort().join('\n') ? 'exact' : 'wildcard');
}

function anyLabel(): string {
  return randomBytes(10).toString('hex');
}

/** The texts that count, or a sentence when nobody could say. */
async function recordsAt(name: string, dns: Dns, options: AskOptions): Promise<string[] | string> {
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown') return answer.message;
  return answer.state === 'records' ? answer.records.map((strings) => strings.join('')).filter(isDmarc) : [];
}
