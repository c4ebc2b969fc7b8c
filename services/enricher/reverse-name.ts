import { canonicalAddress } from '../report/address.ts';

/** The longest name DNS has (RFC 1035 section 2.3.4). */
const LONGEST = 253;

/**
 * The DNS name of an address's reverse record: "7.113.0.203.in-addr.arpa" (RFC 1035 section 3.5), nibbles
 * under "ip6.arpa" (RFC 3596 section 2.5). Null when the text is not an address.
 */
export function arpaName(address: string): string | null {
  const canonical = canonicalAddress(address);
  if (canonical === null) return null;
  if (!canonical.includes(':')) return `${canonical.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head, tail] = canonical.split('::') as [string, string?];
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const after = groups(tail);
  const before = groups(head);
  const all = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const nibbles = all.map((group) => group.padStart(4, '0')).join('');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}

/**
 * A name from a reverse zone as a host name: lower case, no trailing dot. Null for an invalid host name (RFC
 * 1123 section 2.1, but with the underscore that is in use): the owner of an address may publish anything.
 */
export function hostName(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name.length > LONGEST || !/^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(name)) return null;
  return name;
}

/** Words in the names of customer lines, with or without a number. */
const LINES =
  /(?:^|[.-])(?:dyn|dynamic|dynip|[avx]?dsl|cable|catv|dhcp|pppoe?|pool|dial(?:up|in)?|broadband|cust|customers?|clients?|home|residential|mobile|wireless|lte|gprs|ftt[hbx]|fib(?:er|re)|unassigned|unused|nat|cpe)\d*(?=[.-])/;
/** Words in the names of machines that send mail. */
const MAILERS =
  /(?:^|[.-])(?:e?mail|mailer|smtp|mx|mta|out|outbound|relay|bounces?|news|newsletter|send|sender|delivery)[a-z]?\d*(?=[.-])/;

/**
 * Whether a reverse name was generated for a provider's lines: it contains the address or a word for a line.
 * Such a name shows which provider a sender uses, not who the sender is. A name with a word for a mail server
 * does not count.
 * @param name as `hostName` gives it
 */
export function isGenericName(name: string, address: string): boolean {
  if (MAILERS.test(name)) return false;
  return LINES.test(name) || holdsAddress(name, address);
}

/**
 * Whether a name contains three consecutive octets of an IPv4 address, in either order, decimal or
 * hexadecimal; half of an IPv6 one.
 */
function holdsAddress(name: string, address: string): boolean {
  const canonical = canonicalAddress(address);
  if (canonical === null) return false;
  if (canonical.includes(':')) {
    const nibbles = arpaName(canonical)!.replace('.ip6.arpa', '').split('.').reverse().join('');
    const digits = name.replace(/[^0-9a-f]/g, '');
    return digits.includes(nibbles.slice(0, 16)) || digits.includes(nibbles.slice(16));
  }
  const octets = canonical.split('.');
  const hex = octets.map((octet) => Number(octet).toString(16).padStart(2, '0')).join('');
  if (name.includes(hex) || name.includes(octets.map((octet) => octet.padStart(3, '0')).join(''))) return true;
  const numbers = name
    .split(/[^0-9]+/)
    .filter((part) => part !== '')
    .map((part) => String(Number(part)));
  const said = ` ${numbers.join(' ')} `;
  const holds = (three: readonly string[]) => said.includes(` ${three.join(' ')} `);
  return [octets, [...octets].reverse()].some((order) => holds(order.slice(0, 3)) || holds(order.slice(1)));
}
