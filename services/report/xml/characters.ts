/** Which characters of a document are read without the strict parser, and what text they make. */

/**
 * Kinds of characters in text, as flags: those of values, carriage returns, halves of a surrogate pair,
 * characters that need a closer look, and what is left to saxes. White space has no flag.
 */
export const PLAIN = 1;
export const RETURN = 2;
export const SURROGATE = 4;
const SPECIAL = 8;
export const FOREIGN = 16;
export const KIND = new Uint8Array(0x10000).fill(PLAIN);
KIND.fill(FOREIGN, 0, 0x20).fill(SURROGATE, 0xd800, 0xe000).fill(FOREIGN, 0xfffe);
for (const space of '\t\n ') KIND[space.charCodeAt(0)] = 0;
KIND['\r'.charCodeAt(0)] = RETURN;
for (const special of '&]') KIND[special.charCodeAt(0)] = SPECIAL;

/** ASCII characters of names: 2 where a name may begin with it. */
export const NAME = new Uint8Array(0x10000);
for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_:') NAME[letter.charCodeAt(0)] = 2;
for (const letter of '0123456789-.') NAME[letter.charCodeAt(0)] = 1;

/** A piece of a document, and its characters as numbers (UTF-16): a string that was put together is slow to read. */
export interface Chunk {
  text: string;
  /** As long as the text or longer; what comes after the text has no meaning. */
  codes: Uint16Array;
}

let buffer = Buffer.alloc(0);
let codes = new Uint16Array(0);

/** The chunk of a text, until the next call. */
export function chunkOf(text: string): Chunk {
  if (text.length >= codes.length) {
    codes = new Uint16Array(2 * text.length + 1);
    buffer = Buffer.from(codes.buffer);
  }
  buffer.write(text, 'utf16le');
  // No search goes past the text: what an earlier one left behind begins with no letter and no bracket.
  codes[text.length] = 0;
  return { text, codes };
}

/** Values of printable ASCII only: the normalisation of white space in values is left to saxes. */
const ATTRIBUTE = /[ \t\r\n]+([A-Za-z_:][\w.:-]*)=(?:"([ !#-%'-;=-~]*)"|'([ -%(-;=-~]*)')/y;
const PARTIAL_TAG =
  /^(?:[ \t\r\n]+[A-Za-z_:][\w.:-]*=(?:"[ !#-%'-;=-~]*"|'[ -%(-;=-~]*'))*(?:[ \t\r\n]*\/?|[ \t\r\n]+[A-Za-z_:][\w.:-]*(?:=(?:"[ !#-%'-;=-~]*|'[ -%(-;=-~]*)?)?)$/;
const ATTRIBUTE_NAME = /[ \t\r\n]([A-Za-z_:][\w.:-]*)=["']/g;
const TAG_END = /[ \t\r\n]*(\/?)>/y;
const REFERENCE = /&(?:(amp|lt|gt|quot|apos);|#(\d{1,7});|#x([0-9a-fA-F]{1,6});)?/g;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Of a reference, or of a pair of surrogates, what the end of a chunk may leave. */
const BEGUN = /(?:&(?:[a-z]{0,4}|#\d{0,7}|#x[0-9a-fA-F]{0,6})|[\ud800-\udbff])$/;

/** How a start tag ends. */
export interface TagEnd {
  /** The character after its ">". */
  end: number;
  empty: boolean;
  /** The lengths of its attributes' values. */
  attributes: number[];
}

/** What follows the name of a start tag, from `from` on; null when saxes must decide. */
export function tagEnd(text: string, from: number): TagEnd | null {
  const names = new Set<string>();
  const attributes: number[] = [];
  let end = from;
  for (;;) {
    ATTRIBUTE.lastIndex = end;
    const match = ATTRIBUTE.exec(text);
    if (match === null) break;
    end = ATTRIBUTE.lastIndex;
    names.add(match[1]!);
    attributes.push((match[2] ?? match[3]!).length);
  }
  // A name that comes twice is an error.
  if (names.size < attributes.length) return null;
  TAG_END.lastIndex = end;
  const rest = TAG_END.exec(text);
  return rest === null ? null : { end: TAG_END.lastIndex, empty: rest[1] === '/', attributes };
}

/** Whether a start tag that the end of the chunk cuts off is regular from the end of its name on, so far. */
export function isBegun(rest: string): boolean {
  const match = PARTIAL_TAG.exec(rest);
  if (match === null) return false;
  const names = [...rest.matchAll(ATTRIBUTE_NAME)].map(([, name]) => name);
  return new Set(names).size === names.length;
}

/**
 * Text with its line ends normalised (XML 1.0 section 2.11) and its references resolved (sections 4.1 and
 * 4.6); null when saxes must decide.
 */
export function resolved(text: string): string | null {
  if (text.includes(']]>') || !text.isWellFormed()) return null;
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  if (!lines.includes('&')) return lines;
  let regular = true;
  const content = lines.replace(REFERENCE, (_reference, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return PREDEFINED[name]!;
    const code = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number.parseInt(decimal, 10);
    if (isCharacter(code)) return String.fromCodePoint(code);
    regular = false;
    return '';
  });
  return regular ? content : null;
}

/** Whether the end of the chunk leaves a text that may go on regularly: nothing in it is wrong so far. */
export const mayGoOn = (text: string): boolean => resolved(text.replace(BEGUN, '')) !== null;

/** A character of XML 1.0 (section 2.2). */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 9 || code === 10 || code === 13;
  return code < 0xd800 || (code > 0xdfff && code < 0xfffe) || (code > 0xffff && code < 0x110000);
}
