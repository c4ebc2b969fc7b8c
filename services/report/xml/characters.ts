/** Which characters of a document are read without the strict parser, and what text they make. */

/**
 * Kinds of characters in text, as flags: those of values, carriage returns, halves of a surrogate pair, the
 * beginnings of references and of "]]>", and what is left to saxes. White space has no flag.
 */
export const PLAIN = 1;
export const RETURN = 2;
const SURROGATE = 4;
const SPECIAL = 8;
const BRACKET = 16;
export const FOREIGN = 32;
export const KIND = new Uint8Array(0x10000).fill(PLAIN);
KIND.fill(FOREIGN, 0, 0x20).fill(SURROGATE, 0xd800, 0xe000).fill(FOREIGN, 0xfffe);
for (const space of '\t\n ') KIND[space.charCodeAt(0)] = 0;
KIND['\r'.charCodeAt(0)] = RETURN;
KIND['&'.charCodeAt(0)] = SPECIAL;
KIND[']'.charCodeAt(0)] = BRACKET;

/** ASCII characters of names: 2 where a name may begin with it. */
export const NAME = new Uint8Array(0x10000);
for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_:') NAME[letter.charCodeAt(0)] = 2;
for (const letter of '0123456789-.') NAME[letter.charCodeAt(0)] = 1;

const COMMENT = '<!--';
export const CDATA = '<![CDATA[';

/**
 * A piece of a document, and its characters as numbers (UTF-16): a string that was put together is slow to
 * read.
 */
export interface Chunk {
  text: string;
  /** Longer than the text: what comes after it, and one more, has no meaning. */
  codes: Uint16Array;
}

let buffer = Buffer.alloc(0);
let codes = new Uint16Array(0);

/** The chunk of a text, until the next call. */
export function chunkOf(text: string): Chunk {
  if (text.length + 1_024 >= codes.length) {
    codes = new Uint16Array(2 * text.length + 4_096);
    buffer = Buffer.from(codes.buffer);
  }
  buffer.write(text, 'utf16le');
  // No search goes past the text: what an earlier one left behind begins with no letter and no bracket.
  codes[text.length] = 0;
  return { text, codes };
}

/** Values without white space other than spaces: its normalisation is left to saxes. */
const ATTRIBUTE =
  /[ \t\r\n]+([A-Za-z_:][\w.:-]*)[ \t\r\n]*=[ \t\r\n]*(?:"([ !#-;=-~\xa0-\ud7ff]*)"|'([ -&(-;=-~\xa0-\ud7ff]*)')/y;
const TAG_END = /[ \t\r\n]*(\/?)>/y;

/** How a start tag ends. */
export interface TagEnd {
  /** The character after its ">". */
  end: number;
  empty: boolean;
  /** The lengths of its attributes' values. */
  attributes: number[];
  /** The default namespace that it declares. */
  xmlns: string | null;
}

/** What follows the name of a start tag, from `from` on; null when saxes must decide. */
export function tagEnd(chunk: Chunk, from: number): TagEnd | null {
  const { text } = chunk;
  const names = new Set<string>();
  const attributes: number[] = [];
  let xmlns: string | null = null;
  let end = from;
  for (;;) {
    ATTRIBUTE.lastIndex = end;
    const match = ATTRIBUTE.exec(text);
    if (match === null) break;
    end = ATTRIBUTE.lastIndex;
    let value: string | null = match[2] ?? match[3]!;
    if (value.includes('&')) value = resolved(chunk, end - 1 - value.length, end - 1);
    if (value === null) return null;
    names.add(match[1]!);
    attributes.push(value.length);
    if (match[1] === 'xmlns') xmlns = value;
  }
  // A name that comes twice is an error.
  if (names.size < attributes.length) return null;
  TAG_END.lastIndex = end;
  const rest = TAG_END.exec(text);
  return rest === null ? null : { end: TAG_END.lastIndex, empty: rest[1] === '/', attributes, xmlns };
}

const PREDEFINED = ['amp&', 'lt<', 'gt>', 'quot"', "apos'"].map((text) => ({
  name: [...text.slice(0, -1)].map((letter) => letter.charCodeAt(0)),
  code: text.charCodeAt(text.length - 1),
}));
const [LINE_END, RETURN_CODE, AMPERSAND, HASH, SEMICOLON, BRACKET_CODE, GREATER, X] = [10, 13, 38, 35, 59, 93, 62, 120];

/** Characters of the longest reference, less one: seven decimal digits, or six hexadecimal ones. */
const REFERENCE = 9;

/**
 * Writes text with its line ends normalised (XML 1.0 section 2.11) and its references resolved (sections 4.1
 * and 4.6), which makes it no longer.
 * @returns where the text written to `into` from `at` on ends; -1 when saxes must decide
 */
// biome-ignore lint/complexity/useMaxParams: called for every value with a reference; an object for each would be the dearest part.
export function resolve(codes: Uint16Array, from: number, to: number, into: Uint16Array, at: number): number {
  let end = at;
  for (let k = from; k < to; k++) {
    let c = codes[k]!;
    if (c === AMPERSAND) {
      let semicolon = k + 1;
      while (semicolon < to && codes[semicolon] !== SEMICOLON && semicolon - k < REFERENCE) semicolon++;
      c = semicolon === to || codes[semicolon] !== SEMICOLON ? -1 : referred(codes, k + 1, semicolon);
      if (c < 0) return -1;
      k = semicolon;
      if (c > 0xffff) {
        into[end++] = 0xd800 + ((c - 0x10000) >> 10);
        c = 0xdc00 + (c & 0x3ff);
      }
    } else if (c === RETURN_CODE) {
      if (codes[k + 1] === LINE_END) k++;
      c = LINE_END;
    } else if (c === BRACKET_CODE) {
      if (k + 2 < to && codes[k + 1] === BRACKET_CODE && codes[k + 2] === GREATER) return -1;
    } else if ((c & 0xf800) === 0xd800) {
      if (c >= 0xdc00 || k + 1 === to || (codes[k + 1]! & 0xfc00) !== 0xdc00) return -1;
      into[end++] = c;
      c = codes[++k]!;
    }
    into[end++] = c;
  }
  return end;
}

/**
 * The character that a reference stands for, whose name or number is between these; -1 when saxes must
 * decide.
 */
function referred(codes: Uint16Array, from: number, to: number): number {
  if (codes[from] !== HASH) {
    for (const { name, code } of PREDEFINED) {
      let k = 0;
      while (k < name.length && codes[from + k] === name[k]) k++;
      if (k === name.length && from + k === to) return code;
    }
    return -1;
  }
  const base = codes[from + 1] === X ? 16 : 10;
  const first = base === 16 ? from + 2 : from + 1;
  if (first === to) return -1;
  let code = 0;
  for (let k = first; k < to; k++) {
    const digit = digitOf(codes[k]!);
    if (digit < 0 || digit >= base) return -1;
    code = base * code + digit;
  }
  return isCharacter(code) ? code : -1;
}

function digitOf(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

let scratch = new Uint16Array(1_024);

/** The same as a text; null when saxes must decide. */
export function resolved({ codes }: Chunk, from: number, to: number): string | null {
  if (scratch.length < to - from) scratch = new Uint16Array(2 * (to - from));
  const end = resolve(codes, from, to, scratch, 0);
  return end < 0 ? null : Buffer.from(scratch.buffer, 0, 2 * end).toString('utf16le');
}

/** A character of XML 1.0 (section 2.2). */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 9 || code === 10 || code === 13;
  return code < 0xd800 || (code > 0xdfff && code < 0xfffe) || (code > 0xffff && code < 0x110000);
}

const INSTRUCTION = /<\?(?!xml[ \t\r\n?])[A-Za-z_:][\w.:-]*(?=[ \t\r\n]|\?>)/iy;

/**
 * Where the token after a comment or a processing instruction begins, or -1 where there is none at `j`, it
 * does not end in the chunk or saxes must decide.
 */
export function passedOver(chunk: Chunk, j: number): number {
  const { text } = chunk;
  INSTRUCTION.lastIndex = j;
  if (INSTRUCTION.test(text)) {
    const from = INSTRUCTION.lastIndex;
    const end = text.indexOf('?>', from);
    return end >= 0 && isText(chunk, from, end) ? end + 2 : -1;
  }
  if (!text.startsWith(COMMENT, j)) return -1;
  const from = j + COMMENT.length;
  const dashes = text.indexOf('--', from);
  return dashes >= 0 && text.charCodeAt(dashes + 2) === GREATER && isText(chunk, from, dashes) ? dashes + 3 : -1;
}

/** Whether all characters are such as XML allows. */
export function isText({ text, codes }: Chunk, from: number, to: number): boolean {
  let kinds = 0;
  for (let k = from; k < to; k++) kinds |= KIND[codes[k]!]!;
  return kinds < FOREIGN && ((kinds & SURROGATE) === 0 || text.slice(from, to).isWellFormed());
}
