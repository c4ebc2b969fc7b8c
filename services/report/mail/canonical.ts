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

/** What was hashed of a body. */
export interface BodyDigest {
  /** Base64. */
  sha256: string;
  /** Octets of the canonical form, which a signature may limit (l=). */
  length: number;
}

/**
 * The SHA-256 of a body that comes in pieces, in the simple or the relaxed form (RFC 6376 sections 3.4.3 and
 * 3.4.4). Bare LF counts as CRLF. Memory does not grow with the body.
 */
export class BodyHash {
  private readonly relaxed: boolean;
  private readonly hash = createHash('sha256');
  private readonly piece = Buffer.allocUnsafe(PIECE);
  private used = 0;
  private length = 0;
  private breaks = 0;
  private blank = false;
  private any = false;
  /** The last octet was a CR: whether it ends a line shows with the next one. */
  private cr = false;

  constructor(relaxed: boolean) {
    this.relaxed = relaxed;
  }

  update(bytes: Buffer, from = 0): void {
    const { relaxed } = this;
    for (let i = from; i < bytes.length; i++) {
      const c = bytes[i]!;
      if (this.cr) {
        this.cr = false;
        if (c !== 10) this.octet(13);
      }
      if (c === 13) this.cr = true;
      else if (c === 10) {
        this.breaks++;
        this.blank = false;
      } else if (relaxed && (c === 32 || c === 9)) this.blank = true;
      else this.octet(c);
    }
  }

  digest(): BodyDigest {
    if (this.cr) this.octet(13);
    this.cr = false;
    if (this.any || !this.relaxed) {
      this.put(13);
      this.put(10);
    }
    return { sha256: this.hash.update(this.piece.subarray(0, this.used)).digest('base64'), length: this.length };
  }

  /**
   * Adds an octet that is neither a line end nor a blank. Blanks at the end of a line and line ends at the
   * end of the body do not count, so they are added once something follows.
   */
  private octet(c: number): void {
    for (; this.breaks > 0; this.breaks--) {
      this.put(13);
      this.put(10);
    }
    if (this.blank) this.put(32);
    this.blank = false;
    this.any = true;
    this.put(c);
  }

  private put(byte: number): void {
    if (this.used === PIECE) {
      this.hash.update(this.piece);
      this.used = 0;
    }
    this.piece[this.used++] = byte;
    this.length++;
  }
}

/** The SHA-256, in base64, of the body that begins at `from`: the bytes up to the end of the mail. */
export function bodyHash(raw: Buffer, from: number, relaxed: boolean): string {
  const hash = new BodyHash(relaxed);
  hash.update(raw, from);
  return hash.digest().sha256;
}
