/** IP addresses as text: their canonical form, and the network they belong to. */

const QUAD_LENGTH = 15;
const quad = new Uint16Array(QUAD_LENGTH);

/** A canonical dotted quad, or null. */
function ipv4(text: string): string | null {
  if (text.length > QUAD_LENGTH) return null;
  for (let i = 0; i < text.length; i++) quad[i] = text.charCodeAt(i);
  return isQuad(quad, 0, text.length) ? text : null;
}

/**
 * Whether the characters between these are a canonical dotted quad. Leading zeros are refused: some programs
 * read them as octal, others as decimal.
 */
export function isQuad(codes: Uint16Array, from: number, to: number): boolean {
  let dots = 0;
  let digits = 0;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = codes[i]!;
    if (c === 46) {
      if (digits === 0) return false;
      dots++;
      digits = 0;
      value = 0;
    } else if (c >= 48 && c <= 57) {
      if (digits > 0 && value === 0) return false;
      digits++;
      value = value * 10 + c - 48;
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  return dots === 3 && digits > 0;
}

/** The eight groups of an IPv6 address, or null. */
function ipv6Groups(text: string): number[] | null {
  let source = text;
  const tail: number[] = [];
  const dot = source.indexOf('.');
  if (dot >= 0) {
    const cut = source.lastIndexOf(':');
    const last = ipv4(source.slice(cut + 1));
    if (last === null) return null;
    const [a, b, c, d] = last.split('.').map(Number) as [number, number, number, number];
    tail.push((a << 8) | b, (c << 8) | d);
    // Keeps the second colon of a "::" in front of the dotted part.
    source = source.charCodeAt(cut - 1) === 58 ? source.slice(0, cut + 1) : source.slice(0, cut);
  }
  const groups: number[] = [];
  /** The position of "::". */
  let gap = -1;
  let i = 0;
  if (source.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < source.length) {
    let value = 0;
    const start = i;
    for (let digit = hexDigit(source, i); digit >= 0; digit = hexDigit(source, ++i)) value = value * 16 + digit;
    if (i === start || i - start > 4) return null;
    groups.push(value);
    if (i === source.length) break;
    if (source.charCodeAt(i++) !== 58 || i === source.length) return null;
    if (source.charCodeAt(i) !== 58) continue;
    if (gap >= 0) return null;
    gap = groups.length;
    i++;
  }
  for (const group of tail) groups.push(group);
  const missing = 8 - groups.length;
  if (gap < 0) return missing === 0 ? groups : null;
  if (missing < 1) return null;
  for (let n = 0; n < missing; n++) groups.splice(gap, 0, 0);
  return groups;
}

/** The value of the hexadecimal digit at `i`, or -1. */
function hexDigit(text: string, i: number): number {
  const c = text.charCodeAt(i);
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  return c >= 65 && c <= 70 ? c - 55 : -1;
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as
 * "::".
 */
function ipv6Text(groups: readonly number[]): string {
  let run = 0;
  let longest = 1;
  let end: number | undefined;
  groups.forEach((group, i) => {
    run = group === 0 ? run + 1 : 0;
    if (run <= longest) return;
    longest = run;
    end = i + 1;
  });
  if (end === undefined) return hexadecimal(groups);
  return `${hexadecimal(groups.slice(0, end - longest))}::${hexadecimal(groups.slice(end))}`;
}

const hexadecimal = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':');

/**
 * The canonical text of an address: IPv4 dotted, IPv6 as RFC 5952 writes it, IPv4-mapped IPv6 as IPv4.
 * Null when the text is not an address.
 */
export function canonicalAddress(text: string): string | null {
  if (ipv4(text) !== null) return text;
  if (!text.includes(':')) return null;
  const groups = ipv6Groups(text);
  if (groups === null) return null;
  const mapped =
    groups[0] === 0 && groups[1] === 0 && groups[2] === 0 && groups[3] === 0 && groups[4] === 0 && groups[5] === 0xffff;
  if (!mapped) return ipv6Text(groups);
  const high = groups[6] as number;
  const low = groups[7] as number;
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * What may precede an address, and stand after it: RFC 5321 section 4.1.3, a port, a full prefix length, a
 * zone.
 */
const TAG = /^(?:ip|ipv|inet)[46]?:/i;
const AFTER = /^((?:\d{1,3}\.){3}\d{1,3})[:#]\d{1,5}$|^(.+?)(?:\/(?:32|128)|%[\w.-]+)$/;
const BETWEEN = /[\s\u200b-\u200f\u2060,;()[\]<>"'|=]+/;

/**
 * The addresses in a text such as `[192.0.2.1]`, `192.0.2.1:25`, `IPv6:2001:db8::1` or
 * `mail.example (192.0.2.1)`, canonical, each once.
 */
export function addressesIn(text: string): string[] {
  const found = new Set<string>();
  for (const word of text.slice(0, 1_000).split(BETWEEN)) {
    const bare = word.replace(TAG, '').replace(/\.$/, '');
    const match = AFTER.exec(bare);
    const address = canonicalAddress(bare) ?? (match === null ? null : canonicalAddress(match[1] ?? match[2]!));
    if (address !== null && (address.includes('.') || !bare.endsWith('/32'))) found.add(address);
  }
  return [...found];
}

/** The one address that a text states, in whatever form; null when there is none, or more than one. */
export function statedAddress(text: string): string | null {
  const found = addressesIn(text);
  return found.length === 1 ? found[0]! : null;
}

/** The network of a canonical address as text: IPv4 /24 ("203.0.113.0/24"), IPv6 /48 ("2001:db8:1::/48"). */
export function networkOf(address: string): string {
  const dot = address.lastIndexOf('.');
  if (dot >= 0) return `${address.slice(0, dot)}.0/24`;
  const groups = ipv6Groups(address) as number[];
  return `${ipv6Text([...groups.slice(0, 3), 0, 0, 0, 0, 0])}/48`;
}
