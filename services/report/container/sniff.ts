import { tarHeader } from './tar.ts';

/** The kind of a payload by its bytes, whatever its file name or content type says. */
export type Kind = 'gzip' | 'zip' | 'tar' | 'xml' | 'json' | 'blank' | 'unknown';

/** Bytes that are enough to recognise the kind. */
export const SNIFF_LENGTH = 4096;

/** HTML begins like XML and is never a report: mail bodies, error pages of portals. */
const HTML =
  /^<(?:!doctype\s+html|html|head|body|div|p|table|meta|style|span|br|center|font|a|b|i|u|h[1-6]|ul|ol|img|pre|hr|title|link|script|svg|!doctype\s+svg)[\s>/]/i;

/** The first bytes of a gzip stream (RFC 1952 section 2.3.1). */
const GZIP = Buffer.from([0x1f, 0x8b, 8]);

/** Archives that cannot be opened, by their first bytes. */
const FOREIGN: readonly (readonly [string, string])[] = [
  ['7z', '7z\xbc\xaf\x27\x1c'],
  ['RAR', 'Rar!\x1a\x07'],
  ['xz', '\xfd7zXZ\0'],
  ['Zstandard', '\x28\xb5\x2f\xfd'],
  ['bzip2', 'BZh'],
  ['lzip', 'LZIP'],
  ['LZ4', '\x04\x22\x4d\x18'],
  ['compress', '\x1f\x9d'],
  ['cabinet', 'MSCF\0\0\0\0'],
];

/** The kind of a payload by its first bytes. */
export function sniff(head: Buffer): Kind {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x50 && head[1] === 0x4b && isZipMark(head[2], head[3])) return 'zip';
  if (head.length > 262 && head.toString('latin1', 257, 262) === 'ustar') return 'tar';
  let text = head;
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) text = head.subarray(3);
  else if ((head[0] === 0xfe && head[1] === 0xff) || (head[0] === 0xff && head[1] === 0xfe)) text = narrow(head.subarray(2));
  else if ((head[0] === 0 && head[1] !== 0) || (head[0] !== 0 && head[1] === 0)) text = narrow(head);
  let start = 0;
  while (start < text.length && isSpace(text[start] as number)) start++;
  if (start === text.length) return 'blank';
  const first = text[start];
  if (first === 0x7b || first === 0x5b) return 'json';
  if (first !== 0x3c) return tarHeader(head, 0) === null ? 'unknown' : 'tar';
  const begin = text.toString('latin1', start, Math.min(text.length, start + 64));
  return /^<[A-Za-z_:?!\xc3-\xf4]/.test(begin) && !HTML.test(begin) ? 'xml' : 'unknown';
}

/**
 * Where a gzip stream begins after line ends, blanks or a line of text, as gateways put them before an
 * attachment; null when none does.
 */
export function gzipStart(head: Buffer): number | null {
  const start = head.subarray(0, SNIFF_LENGTH).indexOf(GZIP);
  return start > 0 && sortOf(head.subarray(0, start)) === 'text' ? start : null;
}

/** The format of an archive that cannot be opened; null for anything else. */
export function foreignArchive(head: Buffer): string | null {
  const begin = head.toString('latin1', 0, 10);
  for (const [name, mark] of FOREIGN) {
    if (begin.startsWith(mark) && (name !== 'bzip2' || /^BZh[1-9](?:1AY&SY|\x17rE8P)/.test(begin))) return name;
  }
  return null;
}

const PICTURES = ['\x89PNG', '\xff\xd8\xff', 'GIF8', 'BM', 'RIFF', '%PDF', 'II*\0', 'MM\0*'];

/** What bytes are that are no archive and no document: what cannot be recognized may be a broken archive. */
export function sortOf(head: Buffer): 'picture' | 'text' | 'bytes' {
  const begin = head.toString('latin1', 0, 8);
  if (PICTURES.some((mark) => begin.startsWith(mark))) return 'picture';
  return head.some((c) => c < 9 || (c > 13 && c < 32 && c !== 27)) ? 'bytes' : 'text';
}

function isZipMark(c: number | undefined, d: number | undefined): boolean {
  return (c === 3 && d === 4) || (c === 5 && d === 6) || (c === 7 && d === 8);
}

function isSpace(c: number): boolean {
  // The bytes of a second byte order mark may precede the text.
  return c === 32 || (c >= 9 && c <= 13) || c === 0xef || c === 0xbb || c === 0xbf;
}

/** UTF-16 text without its zero bytes: enough to recognise its beginning. */
function narrow(head: Buffer): Buffer {
  return Buffer.from(head.subarray(0, 512).filter((byte) => byte !== 0));
}
