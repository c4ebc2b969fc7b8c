import { EXCERPT_LENGTH } from './limits.ts';

/** Trimmed text, or null when nothing is left: an empty element means the same as an absent one. */
export function trimmed(text: string): string | null {
  return text.trim() || null;
}

/** Trimmed and lower case: the normal form of an enumerated value. */
export function enumerated(text: string): string | null {
  return trimmed(text)?.toLowerCase() ?? null;
}

/** A count or time as a non-negative safe integer; a fraction ("3.0") is cut off. Null for anything else. */
export function wholeNumber(text: string): number | null {
  let value = 0;
  const n = text.length;
  if (n > 0 && n <= 15) {
    let i = 0;
    for (; i < n; i++) {
      const c = text.charCodeAt(i);
      if (c < 48 || c > 57) break;
      value = value * 10 + c - 48;
    }
    if (i === n) return value;
  }
  const match = /^\+?(\d{1,17})(?:\.\d*)?$/.exec(text);
  if (match === null) return null;
  value = Number(match[1]);
  return Number.isSafeInteger(value) ? value : null;
}

/** Input text to be quoted in a sentence: limited in length, with spaces for control characters. */
export function excerpt(text: string, length = EXCERPT_LENGTH): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return cut.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
}

/** One line of text without control characters, to be stored or displayed. Null when nothing is left. */
export function printable(text: string): string | null {
  return text.replace(/[\x00-\x1f\x7f]+/g, ' ').trim() || null;
}

/**
 * As `excerpt`, for text displayed beside names: invisible and direction-changing characters are shown by
 * number.
 */
export function shown(text: string, length = EXCERPT_LENGTH): string {
  const number = (c: string) => `\\u{${c.codePointAt(0)!.toString(16)}}`;
  return excerpt(text, length).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, number);
}
