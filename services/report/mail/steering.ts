import { SNIFF_LENGTH, sniff } from '../container/sniff.ts';
import { detectCharset } from './charset.ts';
import type { Header } from './header.ts';
import { firstFields } from './header.ts';
import { decodeBody, isDocument, transferEncoding } from './mime.ts';
import { parseParameterised } from './parameters.ts';

/**
 * Fields that a mail has at most once (RFC 5322 section 3.6, RFC 2045): readers disagree on which of two
 * counts.
 */
const ONCE = [
  'from',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
];

/**
 * Why two readers of this header could read different mails; null when they cannot. Nothing proves such a
 * mail.
 */
export function ambiguity(header: Header): string | null {
  if (header.doubt !== null) return `the header of the mail can be read in two ways: ${header.doubt}`;
  const seen = new Set<string>();
  for (const { name } of header.fields) {
    if (!ONCE.includes(name)) continue;
    if (seen.has(name)) return `the mail has more than one ${name} field, and readers differ on which counts`;
    seen.add(name);
  }
  return null;
}

/**
 * Why the body could be read in another way if somebody had changed the fields that are not among `signed`;
 * null when it could not. Many signers (Google and Yahoo among them) do not sign Content-Type and
 * Content-Transfer-Encoding, so that anybody who forwards a mail can replace them. That does no harm where
 * the body itself shows what it is: a multipart by its first and last delimiter, a bare XML document, or a
 * single part without a delimiter in it; and either kind of single part only if exactly one encoding fits it.
 *
 * @param signed lower-case names of the fields that are signed, present or not
 */
export function unsureReading(raw: Buffer, header: Header, signed: ReadonlySet<string>): string | null {
  const fields = firstFields(header.fields);
  const content = parseParameterised(fields.get('content-type') ?? 'text/plain');
  const body = raw.subarray(header.body);
  const document = isDocument(body);
  const multipart = content.value.startsWith('multipart/') && !document;
  if (!signed.has('content-type')) {
    const boundary = multipart ? content.parameters.get('boundary') : undefined;
    const { first, last } = delimiters(body);
    const alone = boundary === undefined ? document || first === null : first === `--${boundary}` && last === `--${boundary}--`;
    // A body that begins like a document would be read as one, whatever delimiters it contains.
    if (!alone || (boundary !== undefined && sniff(body.subarray(0, SNIFF_LENGTH)) !== 'unknown'))
      return 'Content-Type is not signed, and the body could be taken apart in another way';
    const encoding = transferEncoding(fields.get('content-transfer-encoding'));
    if (boundary === undefined && (charsetMatters(body) || charsetMattersWithin(body, encoding)))
      return 'Content-Type is not signed, and the body could be read in another charset';
  }
  const single = !multipart || !content.parameters.get('boundary');
  if (single && !signed.has('content-transfer-encoding') && !onlyOneEncoding(body))
    return 'Content-Transfer-Encoding is not signed, and the body could be decoded in another way';
  return null;
}

/** The first and the last line of the body that can be a delimiter (RFC 2046 section 5.1.1). */
function delimiters(body: Buffer): { first: string | null; last: string | null } {
  let first: string | null = null;
  let last: string | null = null;
  for (let at = body.indexOf('--'); at >= 0; at = body.indexOf('--', at + 1)) {
    if (at > 0 && body[at - 1] !== 10 && body[at - 1] !== 13) continue;
    const line = /^[^\r\n]*/.exec(body.toString('latin1', at, at + 256))![0].replace(/[ \t]{1,256}$/, '');
    if (line.length < 3) continue;
    first ??= line;
    last = line;
  }
  return { first, last };
}

/**
 * Whether exactly one encoding fits the body. Base64 makes no sense in any other encoding; other text is the
 * same in all encodings when nothing in it looks quoted. Byte by byte, since the body may be as large as a
 * mail can be, and a string of it would fill the memory.
 */
function onlyOneEncoding(body: Buffer): boolean {
  let quoted = false;
  let base64 = true;
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!;
    // An octet in hexadecimal: never base64, although all of its characters may occur there.
    if (c === 61 && isHex(body[i + 1]) && isHex(body[i + 2])) return false;
    if (c === 61) quoted ||= isSoftBreak(body, i + 1);
    else if (!isBase64(c) && c !== 10 && c !== 13 && c !== 32 && c !== 9) base64 = false;
    if (quoted && !base64) return false;
  }
  return true;
}

/** Whether an "=" is at the end of its line: a soft line break in quoted-printable (RFC 2045 section 6.7). */
function isSoftBreak(body: Buffer, at: number): boolean {
  let i = at;
  while (body[i] === 32 || body[i] === 9) i++;
  return i >= body.length || body[i] === 10 || body[i] === 13;
}

function isBase64(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 43 || c === 47;
}

function isHex(c: number | undefined): boolean {
  return c !== undefined && ((c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102));
}

/**
 * Whether a bare document has characters that another charset would read differently; packed documents state
 * their own charset.
 */
function charsetMatters(body: Buffer): boolean {
  const kind = sniff(body.subarray(0, SNIFF_LENGTH));
  // Escape sequences change the charset (ISO 2022).
  return (kind === 'xml' || kind === 'json') && body.some((c) => c >= 128 || c === 27);
}

/** Whether an encoded document that does not state its charset has such characters. */
function charsetMattersWithin(body: Buffer, encoding: string): boolean {
  if (encoding !== 'base64' && encoding !== 'quoted-printable') return false;
  const head = decodeBody(body.subarray(0, 2 * SNIFF_LENGTH), encoding);
  const kind = sniff(head.subarray(0, SNIFF_LENGTH));
  if (kind !== 'xml' && kind !== 'json') return false;
  if (detectCharset(head, 'windows-1252').encoding === detectCharset(head).encoding) return false;
  return decodeBody(body, encoding).some((c) => c >= 128 || c === 27);
}
