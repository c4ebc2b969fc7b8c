import { partsOf, withTags } from '../../dns/dmarc/edit.ts';
import { parseDmarc } from '../../dns/dmarc/record.ts';
import { DEFAULT_LIMITS } from '../../report/limits.ts';
import { readMailHeader } from '../../report/mail/header.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';

/** A TXT record to publish; `there` when it is published already. */
export interface WantedRecord {
  name: string;
  value: string;
  there: boolean;
}

/**
 * The address as a URI in rua=: RFC 9989 section 4.7 asks for "," and "!" to be encoded, and ";" would end
 * the tag.
 */
const uriOf = (address: string) =>
  `mailto:${address.replace(/[%,!;\s]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}`;

/**
 * The DMARC record that asks for reports to an address: the present one with the address added, else one that
 * only asks and changes nothing for anybody's mail.
 * @param current the text of the record that is published; null without one
 */
export function wantedRecord(domain: string, current: string | null, address: string): WantedRecord {
  const name = `_dmarc.${domain}`;
  const text = current ?? '';
  const record = parseDmarc(text);
  if (record === null) return { name, value: `v=DMARC1; p=none; rua=${uriOf(address)}`, there: false };
  if (record.rua.some((one) => one.address?.toLowerCase() === address.toLowerCase())) return { name, value: text, there: true };
  const listed = partsOf(text)
    .find((part) => /^rua\s*=/i.test(part))
    ?.replace(/^rua\s*=\s*|[\s,]+$/gi, '');
  return { name, value: withTags(text, { rua: [...(listed ? [listed] : []), uriOf(address)].join(',') }), there: false };
}

/**
 * The record by which another organization's domain accepts the reports (RFC 9990 section 4); null where none
 * is needed.
 */
export function destinationRecord(domain: string, address: string): Omit<WantedRecord, 'there'> | null {
  const destination = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  if (organizationalDomain(domain) === organizationalDomain(destination)) return null;
  return { name: `${domain}._report._dmarc.${destination}`, value: 'v=DMARC1' };
}

/** Mails of which the first field decides, and the share of them that must agree. */
const LEAST_MAILS = 3;
const AGREE = 0.8;

/**
 * The name that the own mail server writes at the top of every mail (RFC 8601): what `trust.authserv_ids` may
 * be set to. Null where the mails say too little.
 */
export function proposedServer(raws: readonly Buffer[]): string | null {
  if (raws.length < LEAST_MAILS) return null;
  const counts = new Map<string, number>();
  for (const raw of raws) {
    const field = readMailHeader(raw, DEFAULT_LIMITS).fields.find(({ name }) => name === 'authentication-results');
    const id = /^\s*"?([a-z0-9][a-z0-9.-]*\.[a-z0-9-]+)"?\s*(?:\d+\s*)?;/i.exec(field?.value ?? '')?.[1]?.toLowerCase();
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best !== undefined && best[1] / raws.length >= AGREE ? best[0] : null;
}
