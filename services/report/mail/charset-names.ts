/**
 * How the octets of a header field are read: by a WHATWG encoding, or by one of those that `TextDecoder`
 * lacks.
 */
export type Reading =
  /** `sure`: programs that know the charset agree. */
  | { by: 'encoding'; name: string; sure: boolean }
  | { by: 'utf-7' }
  | { by: 'utf-32'; little: boolean | null }
  /** The charset says nothing: UTF-8, and what is not UTF-8 as Latin-1. */
  | { by: 'octets' };

/**
 * Names that software writes for charsets of the WHATWG list, without their punctuation. Latin ones of DOS
 * are ASCII in their lower half.
 */
const ALIASES = new Map([
  ...['437', '850', '852', '858', '865'].flatMap((page) => ['cp', 'ibm'].map((by) => [`${by}${page}`, 'windows-1252'] as const)),
  ['euccn', 'gbk'],
  ['utf8bom', 'utf-8'],
  ['latin1', 'iso-8859-1'],
  ['utf8mb4', 'utf-8'],
  ['utf8mb3', 'utf-8'],
  ['cp65001', 'utf-8'],
  ['cp874', 'windows-874'],
  ['cp932', 'shift_jis'],
  ['ms932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['ms936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['ms949', 'euc-kr'],
  ['cp950', 'big5'],
  ['ms950', 'big5'],
]);
const UTF7 = /^(?:cs|x)?(?:unicode\d{2})?utf7$|^(?:cp)?65000$/;
const UTF32 = /^(?:utf32|ucs4|iso10646ucs4)(le|be)?$/;
/** What a label says that promises ASCII or nothing: programs guess what is beyond it. */
const NOTHING = /^(?:us)?ascii$|^ansix341968$|^(?:x?unknown|unknown8bit|8bit|default|defaultcharset|none)$/;
/** Programs read these from either end where no byte order mark says which. */
const EITHER_END = /^(?:utf16|ucs2|unicode|iso10646ucs2|csunicode)$/;

/** How a short text in this charset is read; null where its name is not known here. */
export function readingOf(charset: string, bytes: Buffer): Reading | null {
  const bare = charset.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (NOTHING.test(bare)) return { by: 'octets' };
  if (UTF7.test(bare)) return { by: 'utf-7' };
  const wide = UTF32.exec(bare);
  if (wide !== null) return { by: 'utf-32', little: wide[1] === undefined ? null : wide[1] === 'le' };
  if (EITHER_END.test(bare)) {
    const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
    return { by: 'encoding', name: mark === 0xfeff ? 'utf-16be' : 'utf-16le', sure: mark === 0xfeff || mark === 0xfffe };
  }
  try {
    return { by: 'encoding', name: new TextDecoder(ALIASES.get(bare) ?? charset).encoding, sure: true };
  } catch {
    // TextDecoder throws a RangeError for a label that is not of the WHATWG list.
    return null;
  }
}

/** RFC 2152: runs of UTF-16 in base64 between `+` and `-`, all else as it stands. */
export function decodeUtf7(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/\+([A-Za-z0-9+/]*)-?/g, (_, run: string) => {
    if (run === '') return '+';
    const wide = Buffer.from(run, 'base64');
    return wide
      .subarray(0, wide.length & ~1)
      .swap16()
      .toString('utf16le');
  });
}

/**
 * UTF-32, from the end that the byte order mark or the name says, else the one that has the zeros in front.
 */
export function decodeUtf32(bytes: Buffer, little: boolean | null): string {
  const fromEnd = little ?? (bytes.length >= 4 && bytes[0] !== 0 && bytes[3] === 0);
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const code = fromEnd ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    text += code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code);
  }
  return text;
}

/**
 * UTF-8, and each octet that is not a part of valid UTF-8 as Latin-1, or as U+FFFD where that is what strays
 * are shown as.
 */
export function decodeOctets(bytes: Buffer, strays: Strays = 'latin1'): string {
  const text = bytes.toString();
  if (!text.includes('\ufffd')) return text;
  return bytes.toString('latin1').replace(OCTETS, (one) => {
    if (one.length > 1) return Buffer.from(one, 'latin1').toString();
    return strays === 'latin1' ? one : '\ufffd';
  });
}

/** What becomes of an octet that is no part of valid UTF-8: programs do either. */
export type Strays = 'latin1' | 'mark';

/**
 * A character of UTF-8, well-formed by table 3-7 of the Unicode Standard, in Latin-1 letters; or an octet
 * beyond ASCII.
 */
const OCTETS =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
