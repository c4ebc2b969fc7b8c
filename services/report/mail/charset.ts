import { isAscii } from 'node:buffer';
import { decodeOctets, decodeUtf7, decodeUtf32, readingOf } from './charset-names.ts';

/** The encoding of a document. */
export interface Charset {
  /** A WHATWG encoding name, lower case. */
  encoding: string;
  /** Bytes of a byte order mark to skip. */
  skip: number;
  /** The declared name of the encoding when it is unknown. */
  unknown: string | null;
}

const UTF8: Charset = { encoding: 'utf-8', skip: 0, unknown: null };

/**
 * Declared names that contradict their own bytes: a declaration that can be read byte by byte is not in
 * UTF-16.
 */
const WIDE = new Set(['utf-16', 'utf-16le', 'utf-16be', 'ucs-2', 'unicode', 'iso-10646-ucs-2']);

/**
 * The encoding of an XML document from its first bytes (XML 1.0 appendix F): the byte order mark, UTF-16
 * without one, the declaration, then what MIME declared, then UTF-8.
 *
 * @param head the first bytes, 256 are enough
 * @param declared charset parameter of the MIME part, if any
 */
export function detectCharset(head: Uint8Array, declared: string | null = null): Charset {
  const [a, b, c, d] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', skip: 3, unknown: null };
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', skip: 2, unknown: null };
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', skip: 2, unknown: null };
  if (a === 0 && b !== 0 && c === 0 && d !== 0 && head.length >= 4) return { encoding: 'utf-16be', skip: 0, unknown: null };
  if (a !== 0 && b === 0 && c !== 0 && d === 0 && head.length >= 4) return { encoding: 'utf-16le', skip: 0, unknown: null };
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 256)).toString('latin1');
  const inXml = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']\s*([^"']*?)\s*["']/i.exec(start)?.[1];
  const name = (inXml ?? declared ?? '').trim().toLowerCase();
  if (name === '' || name === 'utf-8' || name === 'utf8' || name === 'us-ascii' || WIDE.has(name)) return UTF8;
  try {
    return { encoding: new TextDecoder(name).encoding, skip: 0, unknown: null };
  } catch {
    // TextDecoder supports every encoding of the WHATWG list and throws a RangeError for any other label.
    return { encoding: 'utf-8', skip: 0, unknown: name };
  }
}

/**
 * The characters of windows-1252 where ISO 8859-1 has control characters. Node 20 decodes windows-1252 as ISO
 * 8859-1 (nodejs/node issue 56542), which turns a euro sign into a character that XML forbids.
 */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function windows1252(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.replace(/[\x80-\x9f]/g, (letter) => WINDOWS_1252[letter.charCodeAt(0) - 0x80] as string);
}

/** A short text in one piece, such as a header field; an unknown charset is read as UTF-8. */
export function decodeBytes(bytes: Buffer, charset: string): string {
  const reading = readingOf(charset, bytes);
  if (reading?.by === 'octets') return decodeOctets(bytes);
  if (reading?.by === 'utf-7') return decodeUtf7(bytes);
  if (reading?.by === 'utf-32') return decodeUtf32(bytes, reading.little);
  if (reading === null) return bytes.toString();
  return reading.name === 'windows-1252' ? windows1252(bytes) : new TextDecoder(reading.name).decode(bytes);
}

/** Whether programs that know this charset may show another text than `decodeBytes` returns. */
export function isUnreadable(bytes: Buffer, charset: string): boolean {
  const reading = readingOf(charset, bytes);
  return reading === null || (reading.by === 'encoding' && !reading.sure);
}

/**
 * Decodes a document chunk by chunk. Bytes that are invalid in the encoding become U+FFFD and set `replaced`;
 * nothing is dropped.
 */
export class Decoder {
  /** Some bytes could not be decoded. */
  replaced = false;
  private skip: number;
  /** Null for windows-1252, which Node 20 does not decode. */
  private readonly decoder: InstanceType<typeof TextDecoder> | null;
  /** The last chunk ended between two characters of UTF-8, so that ASCII can be read as it stands. */
  private between: boolean;

  constructor(charset: Charset) {
    this.skip = charset.skip;
    this.decoder = charset.encoding === 'windows-1252' ? null : new TextDecoder(charset.encoding, { ignoreBOM: true });
    this.between = charset.encoding === 'utf-8';
  }

  /** The text of the next bytes; '' when they only begin a character. */
  write(bytes: Buffer): string {
    let chunk = bytes;
    if (this.skip > 0) {
      const cut = Math.min(this.skip, chunk.length);
      this.skip -= cut;
      chunk = chunk.subarray(cut);
    }
    if (this.decoder === null) return windows1252(chunk);
    // Mostly ASCII, which is ten times as fast to read.
    if (this.between && isAscii(chunk)) return chunk.toString('latin1');
    this.between = this.decoder.encoding === 'utf-8' && (chunk.at(-1) ?? 0x80) < 0x80;
    return this.checked(this.decoder.decode(chunk, { stream: true }));
  }

  /** What is left of a character that was cut off by the end. */
  end(): string {
    return this.decoder === null ? '' : this.checked(this.decoder.decode());
  }

  private checked(text: string): string {
    if (!this.replaced && text.includes('\ufffd')) this.replaced = true;
    return text;
  }
}
