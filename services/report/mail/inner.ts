import { detectCharset } from './charset.ts';
import { decodeUtf32 } from './charset-names.ts';

/** Fields that a mail has, by one of which it can be distinguished from other text. */
const TELLING = new Set(['from', 'date', 'received', 'message-id', 'return-path', 'subject', 'mime-version', 'delivered-to']);
const FIELD = /^([!-9;-~]{1,80})[ \t]*:/;
/** Lines that are looked at. */
const LINES = 100;
/** The line that an mbox puts in front of a mail. */
const FROM_LINE = /^>?From \S.{0,300}\d\d:\d\d/;
const SEPARATOR = /\r?\n(?:\r?\n)(?=From \S.{0,300}\d\d:\d\d.{0,40}\d{4}\s{0,4}(?:\r?\n|$))/g;
/** Mails of one mbox that are read. */
const MAILS = 1_000;

/**
 * Whether bytes are a mail, by their first ones: header fields, two of them such as every mail has. The line
 * of an mbox may precede them.
 */
export function looksLikeMail(given: Buffer): boolean {
  const head = asOctets(given);
  let start = 0;
  while (start < 100 && isSpace(head[start])) start++;
  // Most texts are no mail by their first line.
  const first = head.toString('latin1', start, start + 400);
  if (!FIELD.test(first) && !FROM_LINE.test(first)) return false;
  const lines = head.toString('latin1', start).split(/\r*\n|\r/, LINES);
  if (FROM_LINE.test(lines[0]!)) lines.shift();
  const telling = new Set<string>();
  for (const line of lines) {
    if (line.trim() === '') break;
    if (line.startsWith(' ') || line.startsWith('\t')) continue;
    const name = FIELD.exec(line)?.[1]?.toLowerCase();
    if (name === undefined) break;
    if (TELLING.has(name)) telling.add(name);
  }
  return telling.size >= 2;
}

const isSpace = (c: number | undefined): boolean => c === 32 || c === 9 || c === 10 || c === 13;

/**
 * A mail as it was sent: without the mark that editors put in front of a text in UTF-8, and out of UTF-16 or
 * UTF-32, in which editors and shells save it.
 */
export function asOctets(bytes: Buffer): Buffer {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return bytes.subarray(3);
  const wide = a === 0 || b === 0 || (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  if (!wide || bytes.length < 4) return bytes;
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return Buffer.from(decodeUtf32(bytes.subarray(4), true));
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return Buffer.from(decodeUtf32(bytes.subarray(4), false));
  const { encoding, skip } = detectCharset(bytes);
  if (encoding !== 'utf-16le' && encoding !== 'utf-16be') return bytes;
  return Buffer.from(new TextDecoder(encoding).decode(bytes.subarray(skip)));
}

/** The mails in bytes that are one mail or an mbox (RFC 4155). */
export function mailsIn(file: Buffer): Buffer[] {
  const bytes = asOctets(file);
  let start = 0;
  while (start < bytes.length && (bytes[start] as number) <= 32) start++;
  if (bytes.toString('latin1', start, start + 5) !== 'From ') return [bytes];
  const text = bytes.toString('latin1');
  const mails: Buffer[] = [];
  let from = start;
  for (const { index, 0: lines } of text.matchAll(SEPARATOR)) {
    if (mails.length >= MAILS) break;
    mails.push(bytes.subarray(from, index));
    from = index + lines.length;
  }
  mails.push(bytes.subarray(from));
  return mails;
}
