/** An octet as in a zone file, one character in the text of a record (RFC 1035 section 5.1). */
export const escapedOctet = (octet: string): string => `\\${String(octet.charCodeAt(0)).padStart(3, '0')}`;

/**
 * A record's value, as a line of visible ASCII: other octets are written `\\DDD` (RFC 1035 section 5.1), a
 * backslash too.
 */
export function shownValue(text: string): string {
  const shown = text.replace(/[^ -[\]-~]/g, escapedOctet);
  return shown.length <= MOST_VALUE ? shown : `${shown.slice(0, MOST_VALUE)}${CUT}`;
}

const MOST_VALUE = 4_000;
const CUT = '…';

/**
 * The octets of a value that shownValue wrote, one character each; null for one that was cut off, and for
 * none at all.
 */
export function textOfValue(shown: string): string | null {
  if (shown === '' || shown.endsWith(CUT)) return null;
  return shown.replace(/\\(\d{3})/g, (_, octet: string) => String.fromCharCode(Number(octet)));
}
