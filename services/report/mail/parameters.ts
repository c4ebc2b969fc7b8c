import { decodeBytes, isKnownCharset } from './charset.ts';

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

/**
 * Decodes RFC 2047 encoded words, without the white space between two words; other bytes beyond ASCII are
 * read as UTF-8.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return rawText(text);
  // What is beside the words is read by itself: a word that is decoded has characters that no octet stands for.
  const pieces: string[] = [];
  let at = 0;
  const plain = text.replace(/(\?=)\s+(?==\?)/g, '$1');
  for (const run of plain.matchAll(/(?:=\?[^?\s]+\?[bq]\?[^?]*\?=)+/gi)) {
    pieces.push(rawText(plain.slice(at, run.index)), decodeRun(run[0]));
    at = run.index + run[0].length;
  }
  pieces.push(rawText(plain.slice(at)));
  return pieces.join('');
}

/** One character may be split over two adjacent words: the bytes of equal charsets are joined before decoding. */
function decodeRun(run: string): string {
  const parts: Array<{ charset: string; bytes: Buffer }> = [];
  for (const match of run.matchAll(WORD)) {
    const charset = charsetOf(match);
    const body = match[3] as string;
    const bytes = (match[2] as string).toLowerCase() === 'b' ? Buffer.from(body, 'base64') : quotedWord(body);
    const last = parts[parts.length - 1];
    if (last?.charset === charset) last.bytes = Buffer.concat([last.bytes, bytes]);
    else parts.push({ charset, bytes });
  }
  return parts.map((part) => decodeBytes(part.bytes, part.charset)).join('');
}

/** The charset of a word without the language that RFC 2231 section 5 lets follow it. */
const charsetOf = (word: RegExpExecArray | RegExpMatchArray): string => (word[1] as string).replace(/\*.*$/, '').toLowerCase();

/** The charsets of the encoded words in a text that cannot be decoded: some program may know them, and show something else. */
export const unknownCharsets = (text: string): string[] =>
  [...text.matchAll(WORD)].map(charsetOf).filter((charset) => !isKnownCharset(charset));

/** Header text has one character per byte: what is above ASCII is UTF-8 (RFC 6532), and Latin-1 where it cannot be that. */
function rawText(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text) || /[\u0100-\uffff]/.test(text)) return text;
  return text.replace(UTF8, (bytes) => Buffer.from(bytes, 'latin1').toString());
}

/** The same octets with a blank for each that belongs to no character of UTF-8: some programs show it as one of Latin-1, some do not. */
export const withoutStray = (octets: string): string => octets.replace(STRAY, (bytes) => (bytes.length === 1 ? ' ' : bytes));

/** Characters of UTF-8 beyond ASCII, by their octets (RFC 3629 section 4). */
const UTF8 =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/g;
const STRAY = new RegExp(`${UTF8.source}|[\\x80-\\xff]`, 'g');

function quotedWord(text: string): Buffer {
  return Buffer.from(
    text.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
