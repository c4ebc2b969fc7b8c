import { decodeBytes } from './charset.ts';
import { type Limits, Refusal } from './limits.ts';

/** Header fields of a mail or a part that this program looks at; the rest is not even cut out. */
const WANTED = new Set([
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'from',
  'subject',
  'message-id',
  'date',
  'authentication-results',
]);

/** A header section: wanted fields by lower-case name (the first of equals), unfolded, and where the body begins. */
export interface Headers {
  fields: Map<string, string>;
  body: number;
  /** Fields of any name that were seen: 0 says that this is no header section at all. */
  count: number;
}

/** Bytes of a header section looked at before asking whether there are more. */
const FIRST_LOOK = 8 * 1024;

/**
 * Reads the header section at `start` (RFC 5322 section 2.2). Forgiving about LF, CRLF and CR, a separator line of blanks, a
 * continuation that lost its indent (`name="x"` in column 0) and a missing separator line.
 *
 * @throws Refusal `header_too_long`
 */
export function readHeaders(raw: Buffer, start: number, end: number, limits: Limits): Headers {
  let size = Math.min(end - start, FIRST_LOOK);
  for (;;) {
    const text = raw.toString('latin1', start, start + size);
    const whole = start + size >= end;
    const found = scan(text, whole);
    if (found !== null) {
      if (found.body > limits.headerLength) throw tooLong(limits);
      return { ...found, body: start + found.body };
    }
    if (size > limits.headerLength) throw tooLong(limits);
    size = Math.min(end - start, size * 4);
  }
}

function tooLong(limits: Limits): Refusal {
  return new Refusal('header_too_long', `The mail has a header section of more than ${limits.headerLength} bytes.`);
}

/** The fields of `text`, or null when the section does not end within it. */
function scan(text: string, whole: boolean): Headers | null {
  const fields = new Map<string, string>();
  const eol = text.includes('\n') ? '\n' : '\r';
  let count = 0;
  let name = '';
  let value = '';
  let position = 0;
  const keep = (): void => {
    if (name !== '' && !fields.has(name)) fields.set(name, value.trim());
  };
  while (position < text.length) {
    let next = text.indexOf(eol, position);
    if (next < 0) {
      if (!whole) return null;
      next = text.length;
    }
    const after = next + 1;
    const stop = next > position && text.charCodeAt(next - 1) === 13 ? next - 1 : next;
    const first = text.charCodeAt(position);
    if (first === 32 || first === 9) {
      // A line of blanks separates as an empty one does: mail that was pasted has them.
      if (text.slice(position, stop).trim() === '') {
        keep();
        return { fields, body: Math.min(after, text.length), count };
      }
      if (name !== '') value += text.slice(position, stop);
    } else if (stop === position) {
      keep();
      return { fields, body: Math.min(after, text.length), count };
    } else {
      const colon = fieldColon(text, position, stop);
      if (colon > 0) {
        keep();
        count++;
        const lower = text.slice(position, colon).trimEnd().toLowerCase();
        name = WANTED.has(lower) ? lower : '';
        value = name === '' ? '' : text.slice(colon + 1, stop);
      } else if (count > 0 && lostIndent(text.slice(position, stop))) {
        if (name !== '') value += ` ${text.slice(position, stop)}`;
      } else {
        // Not a field: the separator line is missing and the body has begun.
        keep();
        return { fields, body: position, count };
      }
    }
    position = after;
  }
  if (!whole) return null;
  keep();
  return { fields, body: text.length, count };
}

/** Position of the colon that ends a field name beginning at `from`, or -1. */
function fieldColon(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === 58) return i > from ? i : -1;
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 45 || c === 95 || c === 46;
    if (!letter) {
      // "Subject : x" is old, and still comes.
      if (c !== 32 || i === from) return -1;
      // Not by indexOf: without a colon in the line it would search the rest of the mail, line after line.
      let colon = i;
      while (colon < to && isBlank(text.charCodeAt(colon))) colon++;
      return colon < to && text.charCodeAt(colon) === 58 ? colon : -1;
    }
  }
  return -1;
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9;
}

function lostIndent(line: string): boolean {
  return /^[A-Za-z][A-Za-z0-9*-]{0,40}\s*=\s*["'\w]/.test(line);
}

/** A structured value such as `text/plain; charset=x`: the value in lower case, and its parameters by lower-case name. */
export interface Parameterised {
  value: string;
  parameters: Map<string, string>;
}

const PARAMETER = /;\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)/g;

/** Parameters per RFC 2045, with RFC 2231 continuations and charsets, and RFC 2047 words where they do not belong. */
export function parseParameterised(field: string): Parameterised {
  const semicolon = field.indexOf(';');
  const value = (semicolon < 0 ? field : field.slice(0, semicolon)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  if (semicolon < 0) return { value, parameters };
  const pieces = new Map<string, Array<{ n: number; text: string; encoded: boolean }>>();
  PARAMETER.lastIndex = semicolon;
  for (let match = PARAMETER.exec(field); match !== null; match = PARAMETER.exec(field)) {
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
  const content = text.slice(1, text.length > 1 && text.endsWith('"') ? -1 : undefined);
  return content.includes('\\') ? content.replace(/\\(.)/g, '$1') : content;
}

function percentBytes(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

const WORD = /=\?([^?\s]+)\?([bq])\?([^?]*)\?=/gi;

/** Resolves RFC 2047 encoded words; white space between two words goes, other bytes beyond ASCII are read as UTF-8. */
export function decodeWords(text: string): string {
  let out = text;
  if (out.includes('=?')) {
    out = out.replace(/(\?=)\s+(?==\?)/g, '$1');
    // Words that follow each other may share one character: join the bytes of equal charsets before decoding.
    out = out.replace(/(?:=\?[^?\s]+\?[bq]\?[^?]*\?=)+/gi, (run) => {
      const parts: Array<{ charset: string; bytes: Buffer }> = [];
      for (const match of run.matchAll(WORD)) {
        const charset = (match[1] as string).replace(/\*.*$/, '').toLowerCase();
        const body = match[3] as string;
        const bytes = (match[2] as string).toLowerCase() === 'b' ? Buffer.from(body, 'base64') : quotedWord(body);
        const last = parts[parts.length - 1];
        if (last?.charset === charset) last.bytes = Buffer.concat([last.bytes, bytes]);
        else parts.push({ charset, bytes });
      }
      return parts.map((part) => decodeBytes(part.bytes, part.charset)).join('');
    });
  }
  // Header text is cut out byte for byte; anything above ASCII left over is raw UTF-8 (RFC 6532) or Latin-1.
  return /[\x80-\xff]/.test(out) && !/[\u0100-\uffff]/.test(out) ? rawText(out) : out;
}

function rawText(text: string): string {
  const decoded = Buffer.from(text, 'latin1').toString();
  return decoded.includes('\ufffd') ? text : decoded;
}

function quotedWord(text: string): Buffer {
  return Buffer.from(
    text.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
