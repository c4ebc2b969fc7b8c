import { decodeBytes, isUnreadable } from './charset.ts';
import { decodeOctets, type Strays } from './charset-names.ts';

/**
 * A structured value such as `text/plain; charset=x`: the value in lower case, and its parameters by
 * lower-case name.
 */
export interface Parameterised {
  value: string;
  parameters: Map<string, string>;
}

const PARAMETER = /;\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)/g;

/**
 * Reads a structured value (RFC 2045), with RFC 2231 continuations and charsets, and RFC 2047 words, which
 * are common but not allowed.
 */
export function parseParameterised(field: string): Parameterised {
  const value = field.replace(/;.*$/s, '').trim().toLowerCase();
  const parameters = new Map<string, string>();
  const pieces = new Map<string, Array<{ n: number; text: string; encoded: boolean }>>();
  for (const match of field.matchAll(PARAMETER)) {
    const key = (match[1] as string).toLowerCase();
    let text = (match[2] as string).trim();
    if (text.startsWith('"')) text = unquoted(text);
    const star = key.indexOf('*');
    if (star < 0) {
      if (!parameters.has(key)) parameters.set(key, decodeWords(text));
      continue;
    }
    const base = key.slice(0, star);
    const n = Number.parseInt(key.slice(star + 1), 10);
    const list = pieces.get(base) ?? [];
    list.push({ n: Number.isNaN(n) ? 0 : n, text, encoded: key.endsWith('*') });
    pieces.set(base, list);
  }
  for (const [base, list] of pieces) {
    list.sort((a, b) => a.n - b.n);
    let charset = 'utf-8';
    const bytes: Buffer[] = [];
    for (const [index, piece] of list.entries()) {
      let { text } = piece;
      if (!piece.encoded) {
        bytes.push(Buffer.from(text, 'latin1'));
        continue;
      }
      const head = index === 0 ? /^([^']*)'[^']*'/.exec(text) : null;
      if (head !== null) {
        charset = head[1] || charset;
        text = text.slice(head[0].length);
      }
      bytes.push(percentBytes(text));
    }
    parameters.set(base, decodeBytes(Buffer.concat(bytes), charset));
  }
  return { value, parameters };
}

/** A quoted string (RFC 5322 section 3.2.4) that may lack its closing quote. */
function unquoted(text: string): string {
  const content = text.slice(1, text.endsWith('"') ? -1 : undefined);
  return content.replace(/\\(.)/g, '$1');
}

function percentBytes(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

const WORD = /=\?([^?\s]+)\?([bq])\?([^?]*)\?=/gi;
/** Encoded words without anything between them, and what is beyond ASCII outside of them. */
const ENCODED = /(?:=\?[^?\s]+\?[bq]\?[^?]*\?=)+|[\x80-\uffff]+/gi;

/**
 * Decodes RFC 2047 encoded words, without the white space between two words. Other octets beyond ASCII are
 * read as UTF-8 (RFC 6532), those that are not UTF-8 as Latin-1, unless `strays` says otherwise.
 */
export function decodeWords(text: string, strays: Strays = 'latin1'): string {
  return withoutBlanks(text).replace(ENCODED, (run) => {
    // Header text has one character per octet; any other was decoded already.
    if (!run.startsWith('=?')) return /[\u0100-\uffff]/.test(run) ? run : decodeOctets(Buffer.from(run, 'latin1'), strays);
    return wordsOf(run, strays === 'mark')
      .map(({ bytes, charset }) => decodeBytes(bytes, charset))
      .join('');
  });
}

/**
 * The charset of an encoded word that other programs may read otherwise than `decodeWords`; null: there is
 * none.
 */
export function unreadableCharset(text: string): string | null {
  for (const [run] of withoutBlanks(text).matchAll(ENCODED))
    for (const { bytes, charset } of wordsOf(run)) if (isUnreadable(bytes, charset)) return charset;
  return null;
}

const withoutBlanks = (text: string): string => text.replace(/(\?=)[ \t\r\n]+(?==\?)/g, '$1');

/**
 * One character may be split over two adjacent words: the octets of equal charsets are joined before
 * decoding.
 * @param base64 joined before it is decoded as well, where it was cut at any place, as some programs do
 */
function wordsOf(run: string, base64 = false): { charset: string; bytes: Buffer }[] {
  const parts: { charset: string; bytes: Buffer; cut: string }[] = [];
  for (const match of run.matchAll(WORD)) {
    const charset = (match[1] as string).replace(/\*.*$/, '').toLowerCase();
    const last = parts[parts.length - 1];
    const inBase64 = (match[2] as string).toLowerCase() === 'b';
    const joins = base64 && inBase64 && last?.charset === charset;
    const body = `${joins ? last.cut : ''}${match[3] as string}`;
    const whole = inBase64 ? body.replace(/[^a-z0-9+/]/gi, '') : '';
    const cut = base64 && !body.endsWith('=') ? whole.slice(whole.length - (whole.length % 4)) : '';
    const bytes = inBase64 ? Buffer.from(body, 'base64') : quotedWord(body);
    if (last?.charset !== charset) parts.push({ charset, bytes, cut });
    else {
      // The octets of what was cut are in the joined ones again.
      const before = joins ? last.bytes.subarray(0, last.bytes.length - Buffer.from(last.cut, 'base64').length) : last.bytes;
      last.bytes = Buffer.concat([before, bytes]);
      last.cut = cut;
    }
  }
  return parts;
}

function quotedWord(text: string): Buffer {
  return Buffer.from(
    text.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
