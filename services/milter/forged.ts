import { withoutComments } from '../report/mail/author.ts';
import { decodeWords } from '../report/mail/parameters.ts';
import { normalDomain } from '../report/orgdomain.ts';

/** A header field as the mail server handed it over; the value with its line ends. */
export interface GivenField {
  name: string;
  /** Null where the header is too long, and it was not kept. */
  value: string | null;
}

const RESULTS = 'authentication-results';
/** Fields that the milter writes itself, and nobody else. */
const OWN_PREFIX = 'x-ruawatch-';

/** Whether a field may be one that only this server writes. */
export function isOwnField(name: string): boolean {
  const plain = name.trim().toLowerCase();
  return plain === RESULTS || plain.startsWith(OWN_PREFIX);
}

/** A field to be removed, by its name and its number among the fields of that name, from 1. */
export interface Removal {
  name: string;
  index: number;
}

/**
 * The fields that a mail brought along and only this server may write (RFC 8601 section 5):
 * Authentication-Results of its own id, however that is written, and the milter's own. The last come first,
 * so that the number of the others stays, whether the server counts removed fields or not.
 */
export function forgedFields(fields: readonly GivenField[], id: string): Removal[] {
  const seen = new Map<string, number>();
  const found: Removal[] = [];
  for (const { name, value } of fields) {
    const plain = name.trim().toLowerCase();
    const index = (seen.get(plain) ?? 0) + 1;
    seen.set(plain, index);
    if (!isOwnField(name)) continue;
    if (plain !== RESULTS || value === null || claims(value, id)) found.push({ name, index });
  }
  return found.reverse();
}

/** Whether any reader of a field might take it for one of this id. */
export function claims(value: string, id: string): boolean {
  const wanted = normalDomain(id);
  const text = value.replace(/\r?\n/g, ' ');
  for (const reading of [text, decodeWords(text)]) {
    const plain = withoutComments(reading);
    for (const bare of [plain, withoutComments(reading, true)]) {
      const head = /^[\s;]*(?:"((?:[^"\\]|\\.)*)"?|([^\s;"]+))/.exec(bare);
      const word = head?.[1]?.replace(/\\(.)/g, '$1') ?? head?.[2] ?? '';
      // "mx.example.com/1" and "mx.example.com=" are no ids, and some readers cut them.
      if (normalDomain(word.trim().replace(/[^\w.\u0080-\uffff-].*$/s, '')) === wanted) return true;
    }
    // A comment ends a word (RFC 5322 section 3.2.2), and some readers take it out instead:
    // "mx.(x)example.com".
    if (normalDomain(plain.replace(/\s+/g, '').split(/[;="]/)[0]!) === wanted) return true;
    // Before the first result only an id and a version may stand: a field that has the id there in another
    // way is odd.
    const before = plain.split(/[;=]/)[0]!.toLowerCase();
    if (before.split(/[^a-z0-9._-]+/).some((word) => normalDomain(word) === wanted)) return true;
  }
  return false;
}
