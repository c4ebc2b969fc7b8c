/**
 * Characters that a terminal obeys or hides, or that mislead a reader: C0 and C1 controls and DEL; line and
 * paragraph separators; characters that change the direction (U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069); invisible ones (zero width, fillers, tags, variation selectors, U+FEFF) or blank ones
 * (U+2800); and lone surrogates.
 */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const HOSTILE_BUT_LINE_FEED = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Whether a text shows nothing: blanks and invisible characters are no reason for anything. */
export function isBlank(text: string): boolean {
  return text.replace(HOSTILE, '').trim() === '';
}

const PLAIN = /^[\n -~]*$/;

/** A text on one line, with hostile characters written as `\u202e`: the text may come from a forged mail. */
export function escaped(text: string): string {
  return text.replace(HOSTILE, codes);
}

/** The same for our own text of several lines: line feeds are kept. */
export function escapedLines(text: string): string {
  // Nearly all text is plain, and this test is faster.
  return PLAIN.test(text) ? text : text.replace(HOSTILE_BUT_LINE_FEED, codes);
}

/**
 * JSON that is safe on a terminal and has the same value as that of `JSON.stringify` (RFC 8259 section 7):
 * outside strings it has no hostile characters, and within them `\u202e` is the same character.
 * @param indent spaces for each level; 0 puts everything on one line
 */
export function jsonText(value: unknown, indent = 0): string {
  return escapedLines(JSON.stringify(value, null, indent));
}

/** One `\uXXXX` for each UTF-16 unit, as in JSON. */
function codes(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return text;
}
