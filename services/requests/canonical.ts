import { createHash } from 'node:crypto';

/** What has one JSON text: no numbers but integers, whose text is the same everywhere. */
export type Canonical =
  | string
  | number
  | boolean
  | null
  | readonly Canonical[]
  | { readonly [key: string]: Canonical | undefined };

/**
 * The canonical text of a value (RFC 8785, JSON Canonicalization Scheme): the same for equal values, whatever
 * the order of their keys. What is approved, and what the audit chain covers, is this text and not the
 * object.
 * @throws TypeError for a number that is not a safe integer, and for text with half a surrogate pair
 */
export function canonicalJson(value: Canonical): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new TypeError(`${value} has no canonical text: use a text.`);
  if (typeof value === 'string' && !value.isWellFormed())
    throw new TypeError('A text with half a surrogate pair has no UTF-8 form.');
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const keys = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort();
  return `{${keys.map((key) => `${canonicalJson(key)}:${canonicalJson(value[key]!)}`).join(',')}}`;
}

const isList = (value: object): value is readonly Canonical[] => Array.isArray(value);

/** SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
