/** Fields that a mail has, by one of which it can be told from other text. */
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
export function looksLikeMail(head: Buffer): boolean {
  let start = head[0] === 0xef ? 3 : 0;
  while (start < 100 && isSpace(head[start])) start++;
  // Most texts are no mail by their first line.
  const first = head.toString('latin1', start, start + 400);
  if (!FIELD.test(first) && !FROM_LINE.test(first)) return false;
  const lines = head.toString('latin1', start).split(/\r\n|\n|\r/, LINES);
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

/** Bytes without the mark that editors put in front of a text in UTF-8. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** The mails in bytes that are one mail or an mbox (RFC 4155). */
export function mailsIn(file: Buffer): Buffer[] {
  const bytes = withoutMark(file);
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
