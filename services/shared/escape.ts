/**
 * What a terminal or a reader would obey, hide or take for something else: C0 and C1 controls and DEL; line and paragraph separators;
 * characters that change direction (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069); whatever is not drawn (zero width,
 * fillers, tags, variation selectors, U+FEFF) or is drawn as an empty cell (U+2800); and lone surrogates.
 */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const HOSTILE_BUT_LINE_FEED = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const PLAIN = /^[\n -~]*$/;

/** A text on one line, with what is hostile in it as `\u202e`: what is shown may come from a forged mail. */
export function escaped(text: string): string {
  return text.replace(HOSTILE, codes);
}

/** The same for text of several lines of our own making: line feeds stay. */
export function escapedLines(text: string): string {
  // Nearly all that is shown is plain, and this look is the quicker one.
  return PLAIN.test(text) ? text : text.replace(HOSTILE_BUT_LINE_FEED, codes);
}

/**
 * JSON that is safe on a terminal and equal to what `JSON.stringify` says (RFC 8259 section 7): outside of strings it writes nothing that
 * is hostile, within them `\u202e` is the same character.
 * @param indent spaces of each level; none puts all on one line
 */
export function jsonText(value: unknown, indent = 0): string {
  return escapedLines(JSON.stringify(value, null, indent));
}

/** One `\uXXXX` for each UTF-16 unit, as JSON has it. */
function codes(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return text;
}
