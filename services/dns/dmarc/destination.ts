import { randomBytes } from 'node:crypto';
import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { isDmarc, parseDmarc, type ReportUri } from './record.ts';

/** Whether a domain accepts reports about another one (RFC 9990 section 4). */
export type Destination =
  | {
      state: 'authorized';
      /**
       * "exact": the record is for just this domain; "wildcard": a random sibling name has the same answer.
       */
      by: 'exact' | 'wildcard';
      /** Where reports are to be sent instead; empty when the record does not say. */
      rua: readonly ReportUri[];
      name: string;
    }
  | { state: 'unauthorized'; name: string }
  /** Nobody could say; `message` is a sentence. */
  | { state: 'unknown'; message: string; name: string };

/**
 * Asks whether reports about `domain` may go to `destination`, a domain of another organization: by a TXT
 * record `<domain>._report._dmarc.<destination>` that begins with v=DMARC1. (Whether the two are one
 * organization is the caller's to say: then no record is needed.)
 *
 * A wildcard `*._report._dmarc` accepts reports about any domain, which says nothing about this one. A query
 * for a random sibling name detects it: a wildcard that covers one name covers the other, since both have the
 * same parents (RFC 4592 section 3.3.1). An exact record with the same text as such a wildcard cannot be
 * distinguished from it, and counts as wildcard.
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
  // A text that differs from its sibling's is a record of its own, unless the server generates a text for
  // every name.
  const third = await recordsAt(nameOf(anyLabel()), dns, options);
  if (typeof third === 'string') return { state: 'unknown', message: third, name };
  return told([...third].sort().join('\n') === [...beside].sort().join('\n') ? 'exact' : 'wildcard');
}

function anyLabel(): string {
  return randomBytes(10).toString('hex');
}

/** The relevant texts, or a sentence when the query failed. */
async function recordsAt(name: string, dns: Dns, options: AskOptions): Promise<string[] | string> {
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown') return answer.message;
  return textsOf(answer).filter(isDmarc);
}
