/**
 * The longest text of an indexed column: well below what an index entry can hold (2,704 bytes), and as long
 * as a domain name may be.
 */
export const KEY_LENGTH = 255;

/** Replaces NUL and lone surrogates, which Postgres text cannot hold, by U+FFFD. */
export function plain(value: string): string {
  return value.replaceAll('\0', '\ufffd').toWellFormed();
}

/** The first `length` UTF-16 units of a text, fit for Postgres. */
export function clipped(value: string, length: number): string {
  return plain(value.slice(0, length));
}

/** A value of an indexed column: cut to KEY_LENGTH and fit for Postgres. */
export const keyText = (value: string): string => clipped(value, KEY_LENGTH);

// JSON.stringify writes a NUL and a lone surrogate as an escape. Both are rare, and the escape is found
// faster than each string is checked.
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** JSON for a parameter of type jsonb, without what Postgres text cannot hold. */
export function rowsJson(rows: unknown): string {
  const json = JSON.stringify(rows);
  if (!UNSTORABLE.test(json)) return json;
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'string' ? plain(value) : value));
}

/** A standard SQL string literal. For statements that people read and paste: ours take parameters. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The texts made last: the reports of a day begin and end at a handful of moments. */
const isoTexts = new Map<number, string>();
const ISO_TEXTS = 1_000;

/** Seconds since the epoch as an ISO 8601 text in UTC. */
export function isoSeconds(seconds: number): string {
  let iso = isoTexts.get(seconds);
  if (iso === undefined) {
    iso = new Date(seconds * 1000).toISOString();
    if (isoTexts.size >= ISO_TEXTS) isoTexts.clear();
    isoTexts.set(seconds, iso);
  }
  return iso;
}
