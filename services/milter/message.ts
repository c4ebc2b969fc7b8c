import { createHash } from 'node:crypto';
import { type Authors, authorsOf } from '../report/mail/authors.ts';
import { BodyHash } from '../report/mail/canonical.ts';
import { type Header, readMailHeader, WHOLE_HEADER } from '../report/mail/header.ts';
import type { BodyDigests } from '../report/mail/signatures.ts';
import { type GivenField, isOwnField } from './forged.ts';
import type { Memory } from './memory.ts';

/**
 * Octets of a header section that are read: what is longer is unclear, and only its forged fields are looked
 * for.
 */
export const MOST_HEADER = 128 * 1024;
/** Octets of a body that are kept for whoever decides about the mail; hashing goes on beyond. */
const MOST_BODY = 16 * 1024 * 1024;

/** A mail that has come to its end. */
export interface WholeMessage {
  /** The bytes of the header section with the line behind it, its lines ended by CRLF. */
  raw: Buffer;
  header: Header;
  authors: Authors;
  bodies: BodyDigests;
  /** The fields as the server handed them over: the numbers of its commands are about these. */
  fields: readonly GivenField[];
  size: number;
  /** Of all octets, hexadecimal. */
  sha256: string;
  /** The octets of all of it; null when it is longer than what is kept, or no memory was left. */
  whole: Buffer | null;
  /** Whether it is longer than what is ever kept, so that coming again later would not help. */
  tooLong: boolean;
}

/** A mail while it arrives. Its memory is bounded: hashes take the body as it comes. */
export class Message {
  private readonly memory: Memory;
  private readonly fields: GivenField[] = [];
  private readonly lines: Buffer[] = [];
  private headerLength = 0;
  private overlong = false;
  private readonly sha256 = createHash('sha256');
  private readonly simple = new BodyHash(false);
  private readonly relaxed = new BodyHash(true);
  private size = 0;
  private pieces: Buffer[] | null = [];
  private kept = 0;
  private bodyLength = 0;
  private bodyBegun = false;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** @param value with the blanks after the colon, its lines ended by LF or CRLF; one character per octet */
  addField(name: string, value: string): void {
    const line = Buffer.from(`${name}:${value.replace(/\r?\n/g, '\r\n')}\r\n`, 'latin1');
    this.count(line);
    if (this.overlong || this.headerLength + line.length > MOST_HEADER) {
      this.overlong = true;
      // Without its value a field in this server's name counts as forged.
      if (isOwnField(name) && this.fields.length < MOST_HEADER) this.fields.push({ name, value: null });
      return;
    }
    this.headerLength += line.length;
    this.lines.push(line);
    this.fields.push({ name, value });
  }

  addBody(bytes: Buffer): void {
    if (!this.bodyBegun) this.endHeader();
    this.count(bytes);
    this.simple.update(bytes);
    this.relaxed.update(bytes);
    this.bodyLength += bytes.length;
    if (this.pieces === null) return;
    // Twice: in pieces, and then as a whole.
    const octets = 2 * bytes.length;
    if (this.bodyLength > MOST_BODY || !this.memory.take(octets)) this.drop();
    else {
      this.kept += octets;
      // A copy: what came may be a part of a larger buffer.
      this.pieces.push(Buffer.from(bytes));
    }
  }

  /** The mail. What it kept in memory is released by `drop`. */
  end(): WholeMessage {
    if (!this.bodyBegun) this.endHeader();
    const head = [...this.lines, Buffer.from('\r\n')];
    const whole = this.pieces === null || this.overlong ? null : Buffer.concat([...head, ...this.pieces]);
    const raw = whole?.subarray(0, this.headerLength + 2) ?? Buffer.concat(head);
    const read = readMailHeader(raw, WHOLE_HEADER);
    const header = this.overlong ? { ...read, doubt: 'the header of the mail is too long' } : read;
    return {
      raw,
      header,
      authors: authorsOf(header),
      bodies: { simple: this.simple.digest(), relaxed: this.relaxed.digest() },
      fields: this.fields,
      size: this.size,
      sha256: this.sha256.digest('hex'),
      whole,
      tooLong: this.overlong || this.bodyLength > MOST_BODY,
    };
  }

  /** Gives back the memory of the body. */
  drop(): void {
    this.memory.give(this.kept);
    this.kept = 0;
    this.pieces = null;
  }

  private endHeader(): void {
    this.bodyBegun = true;
    this.count(Buffer.from('\r\n'));
  }

  private count(bytes: Buffer): void {
    this.size += bytes.length;
    this.sha256.update(bytes);
  }
}

/** A mail in a file, as a server would hand it over: bare LF counts as CRLF. */
export function messageOf(file: Buffer, memory: Memory): Message {
  const message = new Message(memory);
  const header = readMailHeader(file, WHOLE_HEADER);
  for (const { start, end } of header.fields) {
    const text = file.toString('latin1', start, end);
    const colon = text.indexOf(':');
    message.addField(text.slice(0, colon), text.slice(colon + 1).replace(/\r?\n/g, '\n'));
  }
  message.addBody(Buffer.from(file.toString('latin1', header.body).replace(/\r?\n/g, '\r\n'), 'latin1'));
  return message;
}
