import { createHash } from 'node:crypto';
import type { Field } from './header.ts';

/** Bytes of the canonical form that are hashed at a time. */
const PIECE = 64 * 1024;

/**
 * A field in the form that is hashed (RFC 6376 section 3.4), without a line end. Bare LF counts as CRLF, as
 * it was in transit.
 */
export function canonicalField(raw: Buffer, { start, end }: Pick<Field, 'start' | 'end'>, relaxed: boolean): string {
  const text = raw.toString('latin1', start, end);
  return relaxed ? relaxedField(text) : text.replace(/\r?\n/g, '\r\n');
}

/** RFC 6376 section 3.4.2. */
export function relaxedField(text: string): string {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).replace(/[ \t\r\n]/g, '');
  const value = text
    .slice(colon + 1)
    .replace(/\r?\n/g, '')
    .replace(/[ \t]+/g, ' ');
  return `${name.toLowerCase()}:${value.slice(value.startsWith(' ') ? 1 : 0, value.endsWith(' ') ? -1 : undefined)}`;
}

/**
 * The SHA-256, in base64, of the body that begins at `from`: the bytes up to the end of the mail, in the
 * simple or the relaxed form (RFC 6376 sections 3.4.3 and 3.4.4). Bare LF counts as CRLF. Memory does not
 * grow with the body.
 */
export function bodyHash(raw: Buffer, from: number, relaxed: boolean): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  let used = 0;
  const put = (byte: number): void => {
    if (used === PIECE) {
      hash.update(piece);
      used = 0;
    }
    piece[used++] = byte;
  };
  let breaks = 0;
  let blank = false;
  let any = false;
  for (let i = from; i < raw.length; i++) {
    const c = raw[i]!;
    if (c === 13 && raw[i + 1] === 10) continue;
    if (c === 10) {
      breaks++;
      blank = false;
    } else if (relaxed && (c === 32 || c === 9)) {
      blank = true;
    } else {
      // Blanks at the end of a line and line ends at the end of the body do not count, so they are added once
      // something follows.
      for (; breaks > 0; breaks--) {
        put(13);
        put(10);
      }
      if (blank) put(32);
      blank = false;
      any = true;
      put(c);
    }
  }
  if (any || !relaxed) {
    put(13);
    put(10);
  }
  return hash.update(piece.subarray(0, used)).digest('base64');
}
