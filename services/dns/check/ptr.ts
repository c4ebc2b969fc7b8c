import { lowerName } from '../client/name.ts';
import { Reader } from '../client/reader.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { parseSpf } from '../spf/record.ts';
import { rdataOf } from '../wire/writer.ts';
import { type Finding, finding } from './finding.ts';

/** A sending address of the domain's own, and the names that DNS gives it. */
export interface OwnAddress {
  address: string;
  /** The term of the SPF record that admits it. */
  term: string;
  /** Names of its PTR records; null when nobody could say. */
  names: readonly string[] | null;
  /** One of them that has the address (RFC 8601 section 2.7.3). */
  confirmed: string | null;
}

export interface PtrCheck {
  findings: Finding[];
  addresses: readonly OwnAddress[];
}

/** Addresses of one domain that are looked at, and names of each. */
const MOST_ADDRESSES = 12;
const MOST_NAMES = 3;

/**
 * Checks the reverse names of the addresses that the domain's own SPF record admits one by one (`ip4`, `ip6`,
 * `a`, `mx`); a network is no address, and an include is somebody else's. Large receivers refuse mail from
 * addresses without a name, or with one that does not lead back.
 * @param text the SPF record; null when there is none
 */
export async function checkPtr(domain: string, text: string | null, dns: Dns, options: AskOptions = {}): Promise<PtrCheck> {
  if (text === null) return { findings: [], addresses: [] };
  const own = await addressesOf(domain, text, dns, options);
  const looked = await Promise.all(own.slice(0, MOST_ADDRESSES).map((one) => look(one, dns, options)));
  const record = { name: domain, text };
  const findings = looked.flatMap(({ address, term, names, confirmed, unknown }): Finding[] => {
    const at = text.indexOf(term);
    const about = { domain, record, place: at < 0 ? null : { at, text: term } };
    if (unknown !== null) return [finding('ptr_unknown', { domain, message: unknown })];
    if (names!.length === 0) {
      const message = `${address}, which may send as ${domain}, has no name in DNS (PTR): large receivers refuse its mail. Whoever provides the address can set one.`;
      return [finding('ptr_missing', { ...about, message })];
    }
    if (confirmed !== null) return [];
    const message = `${address}, which may send as ${domain}, is named ${names!.slice(0, MOST_NAMES).join(', ')} in DNS (PTR), and that name does not have the address: large receivers trust only names that lead back.`;
    return [finding('ptr_unconfirmed', { ...about, message })];
  });
  return { findings, addresses: looked.map(({ unknown: _, ...one }) => one) };
}

/** The single addresses that the record's own terms admit. */
async function addressesOf(
  domain: string,
  text: string,
  dns: Dns,
  options: AskOptions,
): Promise<{ address: string; term: string }[]> {
  const found = new Map<string, string>();
  for (const { kind, qualifier, address, prefix4, prefix6, domainText, text: term } of parseSpf(text).mechanisms) {
    if (qualifier !== '+' || found.size >= MOST_ADDRESSES || (domainText ?? '').includes('%')) continue;
    if ((kind === 'ip4' && prefix4 === 32) || (kind === 'ip6' && prefix6 === 128)) found.set(address!, term);
    if ((kind !== 'a' && kind !== 'mx') || prefix4 !== 32 || prefix6 !== 128) continue;
    const name = lowerName(domainText ?? domain).replace(/\.$/, '');
    const mx = kind === 'mx' ? await dns.ask(name, 'MX', options) : null;
    const hosts = mx === null ? [name] : mx.state === 'records' ? mx.records.slice(0, 10).map(({ exchange }) => exchange) : [];
    for (const host of hosts.filter((one) => one !== '.'))
      for (const type of ['A', 'AAAA'] as const) {
        const answer = await dns.ask(host, type, options);
        if (answer.state === 'records') for (const one of answer.records) found.set(one, term);
      }
  }
  return [...found].map(([address, term]) => ({ address, term }));
}

async function look(
  { address, term }: { address: string; term: string },
  dns: Dns,
  options: AskOptions,
): Promise<OwnAddress & { unknown: string | null }> {
  const base = { address, term, names: null, confirmed: null, unknown: null };
  const pointers = await dns.ask(reverseName(address), 'PTR', options);
  if (pointers.state === 'unknown') return { ...base, unknown: pointers.message };
  const names = pointers.state === 'records' ? [...pointers.records] : [];
  let unknown: string | null = null;
  for (const name of names.slice(0, MOST_NAMES)) {
    const answer = await dns.ask(name, address.includes(':') ? 'AAAA' : 'A', options);
    if (answer.state === 'unknown') unknown ??= answer.message;
    if (answer.state === 'records' && answer.records.some((one) => canonical(one) === canonical(address)))
      return { ...base, names, confirmed: name };
  }
  return { ...base, names, unknown };
}

/** The text of an address in one form: two texts may be the same address. */
function canonical(address: string): string {
  if (!address.includes(':')) return address;
  return new Reader(rdataOf('AAAA', address), 0).data('AAAA', 16);
}

/** The name below in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5). */
function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${[...rdataOf('AAAA', address).toString('hex')].reverse().join('.')}.ip6.arpa`;
}
