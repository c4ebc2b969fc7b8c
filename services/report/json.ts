import { type Limits, Refusal } from './limits.ts';

/** One JSON document in a text, and where the next one may begin. */
export interface JsonDocument {
  value: unknown;
  /** The position after it and the white space behind it. */
  next: number;
}

const QUOTE = 34;
const BACKSLASH = 92;

/**
 * White space of JSON, and characters that programs leave at the end of a file: NUL and the end-of-file mark
 * of DOS.
 */
function blank(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13) || c === 0 || c === 0x1a || c === 0xfeff;
}

/** The first position from `at` on that is not white space. */
export function skipBlank(text: string, at: number): number {
  let i = at;
  while (i < text.length && blank(text.charCodeAt(i))) i++;
  return i;
}

/**
 * Reads the JSON document that begins at `start`. Its length, depth and number of values are measured before
 * it is parsed: sixteen million empty arrays are a short text, but take a lot of memory.
 *
 * @throws Refusal `json_too_deep`, `too_many_values`, `json_damaged`
 */
export function readJson(text: string, start: number, limits: Limits): JsonDocument {
  const { end, whole } = extent(text, start, limits);
  try {
    return { value: JSON.parse(text.slice(start, end)) as unknown, next: skipBlank(text, end) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const what = whole ? 'is damaged' : `is cut off after ${end - start} characters`;
    throw new Refusal('json_damaged', `The JSON document ${what}; ask the reporter to send it again.`, { cause: error });
  }
}

function extent(text: string, start: number, limits: Limits): { end: number; whole: boolean } {
  let depth = 0;
  let values = 0;
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++;
    } else if (c === 0x7b || c === 0x5b) {
      values++;
      if (++depth > limits.elementDepth) {
        throw new Refusal('json_too_deep', `The JSON document nests more than ${limits.elementDepth} deep.`);
      }
    } else if (c === 0x2c) {
      values++;
    } else if ((c === 0x7d || c === 0x5d) && --depth <= 0) {
      return { end: i + 1, whole: true };
    }
    if (values > limits.jsonValues) {
      throw new Refusal('too_many_values', `The JSON document holds more than ${limits.jsonValues} values.`);
    }
  }
  return { end: text.length, whole: false };
}
