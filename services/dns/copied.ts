/** Blanks of all widths, the no-break space among them. */
const BLANKS = /[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
/**
 * Characters without a width: the byte order mark, joiners, marks of direction, hyphens that are shown at the
 * end of a line alone.
 */
const INVISIBLE = /\p{Cf}|[\ufe00-\ufe0f]/gu;
/** What word processors make of hyphens and quotation marks. */
const DASHES = /[\x96\x97\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g;
const QUOTES = /[\x91-\x94\u2018-\u201f\u00ab\u00bb\u2032\u2033]/g;

/**
 * A record as it was before a web page or a word processor changed its characters: copied from there, it has
 * no-break spaces for blanks, invisible characters between, or long dashes.
 * @param text one character an octet; in UTF-8 if that is what it can be, otherwise in Latin-1
 * @returns one character an octet again; the same text where it has no such character
 */
export function asTyped(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text;
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  const isUtf8 = !utf8.includes('\ufffd');
  const was = isUtf8 ? utf8 : text;
  const typed = was.replace(BLANKS, ' ').replace(INVISIBLE, '').replace(DASHES, '-').replace(QUOTES, '"');
  if (typed === was) return text;
  return isUtf8 ? Buffer.from(typed, 'utf8').toString('latin1') : typed;
}

/** The end of a message about such a text; nothing about any other. */
export function unseen(text: string): string {
  return asTyped(text) === text
    ? ''
    : ' A web page or a word processor has put characters into it that are not what they look like.';
}

/**
 * The correction of a record in which such characters are all that is wrong; null where there are none, or
 * others remain.
 */
export function retyped(text: string): string | null {
  const typed = asTyped(text);
  return typed === text || /[^\t -~]/.test(typed) ? null : typed.trim();
}
