import { CYRILLIC, glyphsOf } from './glyphs.ts';

export type LookalikeKind =
  | 'addition'
  | 'bitsquatting'
  | 'cyrillic'
  | 'dictionary'
  | 'homoglyph'
  | 'hyphenation'
  | 'insertion'
  | 'omission'
  | 'plural'
  | 'repetition'
  | 'replacement'
  | 'subdomain'
  | 'tld'
  | 'transposition'
  | 'various'
  | 'vowel-swap';

/** A label that may be mistaken for another one. */
export interface Variant {
  label: string;
  kind: LookalikeKind;
  /** How unlike it is: 1 is hard to see, 10 is seen at once. */
  cost: number;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const VOWELS = 'aeiou';
/** The neighbours of each key on the keyboards of three layouts. */
const KEYBOARDS = [
  '1234567890|qwertyuiop|asdfghjkl|zxcvbnm',
  '1234567890|qwertzuiop|asdfghjkl|yxcvbnm',
  '1234567890|azertyuiop|qsdfghjklm|wxcvbn',
].map((rows) => neighboursOf(rows.split('|')));

function neighboursOf(rows: readonly string[]): Map<string, string> {
  const near = new Map<string, string>();
  for (const [r, row] of rows.entries()) {
    for (const [i, key] of [...row].entries()) {
      const beside = [row[i - 1], row[i + 1]];
      const above = [rows[r - 1]?.[i], rows[r - 1]?.[i + 1]];
      const below = [rows[r + 1]?.[i - 1], rows[r + 1]?.[i]];
      near.set(key, [...beside, ...above, ...below].filter((one) => one !== undefined).join(''));
    }
  }
  return near;
}

const nearKeys = (key: string) => [...new Set(KEYBOARDS.flatMap((board) => [...(board.get(key) ?? '')]))];

/**
 * All kinds of changes to one label but `dictionary`, `tld` and `subdomain`; a label may come more than once.
 */
export function* variantsOf(label: string): Generator<Variant> {
  const at = (i: number, text: string, length = 1) => label.slice(0, i) + text + label.slice(i + length);
  const vary =
    (kind: LookalikeKind, cost: number) =>
    (one: string): Variant => ({ label: one, kind, cost });
  for (const [i, key] of [...label].entries()) {
    yield vary('omission', 3)(at(i, ''));
    if (key !== '-') yield vary('repetition', 2)(at(i, key + key));
    if (i + 1 < label.length) yield vary('transposition', 3)(at(i, label[i + 1]! + key, 2));
    if (i > 0) yield vary('hyphenation', 4)(at(i, '-', 0));
    for (const near of nearKeys(key)) {
      yield vary('replacement', 5)(at(i, near));
      yield vary('insertion', 5)(at(i, near, 0));
      yield vary('insertion', 5)(at(i + 1, near, 0));
    }
    for (let bit = 1; bit < 256; bit *= 2) {
      const flipped = String.fromCharCode(key.charCodeAt(0) ^ bit);
      if (ALPHABET.includes(flipped) || flipped === '-') yield vary('bitsquatting', 7)(at(i, flipped));
    }
    if (VOWELS.includes(key)) for (const vowel of VOWELS) if (vowel !== key) yield vary('vowel-swap', 3)(at(i, vowel));
    if (i >= 1 && i < label.length - 1) yield vary('plural', 4)(at(i + 1, /[sxz]/.test(key) ? 'es' : 's', 0));
  }
  for (const end of partsEnds(label)) for (const key of ALPHABET) yield vary('addition', key === 's' ? 3 : 6)(at(end, key, 0));
  for (const key of ALPHABET) yield vary('addition', 7)(key + label);
  const cyrillic = [...label].map((key) => (/[a-z]/.test(key) ? CYRILLIC[key] : key));
  if (cyrillic.every((key) => key !== undefined) && /[a-z]/.test(label)) yield vary('cyrillic', 1)(cyrillic.join(''));
  yield* homoglyphs(label);
}

/** The ends of the parts between hyphens. */
function partsEnds(label: string): number[] {
  return [...label.matchAll(/-|$/g)].map((one) => one.index);
}

/**
 * Names with two places changed: they grow with the square of the label's length, and few of them deceive
 * anybody. A company's name of forty letters has all of them.
 */
const MOST_DOUBLES = 400_000;

/** One or two characters, at one place or at two, in the place of others that look like them. */
function* homoglyphs(label: string): Generator<Variant> {
  const singles = [...replaced(label)];
  for (const { label: single, cost } of singles) yield { label: single, kind: 'homoglyph', cost };
  let doubles = 0;
  for (const first of singles) {
    // What lies before the first place is found with the two places the other way round.
    for (const second of replaced(first.label, Math.max(0, first.at - 1))) {
      if (doubles++ >= MOST_DOUBLES) return;
      yield { label: second.label, kind: 'homoglyph', cost: first.cost + second.cost + 1 };
    }
  }
}

/** @param from the first place to change, in characters */
function* replaced(label: string, from = 0): Generator<{ label: string; cost: number; at: number }> {
  const characters = [...label];
  for (let i = from; i < characters.length; i++) {
    for (const length of [1, 2]) {
      if (i + length > characters.length) continue;
      const [one, other] = characters.slice(i, i + length);
      const doubled = one === other ? glyphsOf(one!).map((glyph) => glyph + glyph) : [];
      for (const glyph of [...glyphsOf(`${one}${other ?? ''}`), ...doubled]) {
        const next = [...characters.slice(0, i), glyph, ...characters.slice(i + length)].join('');
        yield { label: next, cost: costOf(glyph), at: i };
      }
    }
  }
}

/** Pairs such as "rn" and a one for an l are hardly seen; a mark on a letter is. */
function costOf(glyph: string): number {
  if (!/^[a-z0-9]+$/.test(glyph)) return glyph.normalize('NFD').length > 1 ? 3 : 2;
  return /^(?:rn|nn|vv|cl|[01il])$/.test(glyph) ? 1 : 3;
}
