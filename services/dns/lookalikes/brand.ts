import { domainToUnicode } from 'node:url';
import { CYRILLIC, glyphsOf } from './glyphs.ts';
import type { LookalikeKind } from './permutations.ts';

/** A name of a feed that has to do with a domain. */
export interface FeedMatch {
  name: string;
  /**
   * `brand`: a label has a brand word in it; else the kind of the permutation that its registrable domain is.
   */
  kind: LookalikeKind | 'brand';
  /** The brand word; null for a permutation. */
  word: string | null;
}

export interface BrandOptions {
  /** The words to look for: the label of the domain, and others. */
  words: readonly string[];
  /** Permutations of the domain, by name. */
  permutations: ReadonlyMap<string, { kind: LookalikeKind }>;
  /** Own domains: they and what is below them do not count. */
  own: readonly string[];
  registrable: (name: string) => string;
}

/** A word as short as this must be a whole part of a label: "ibm" is in "climbmore". */
const SHORT_WORD = 4;

/**
 * The name in a line of a feed: of a certificate (`*.login.example.com`), of a list of registrations (its
 * first field), or an address. Null: there is none, or it is a comment.
 */
export function nameInLine(line: string): string | null {
  const field = line.trim().split(/[\s,;|]+/)[0] ?? '';
  if (field === '' || field.startsWith('#')) return null;
  const host = field
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/[/:?#].*$/, '')
    .replace(/^\*\./, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return host.length <= 253 && host.includes('.') && /^[^\s"'<>()@]+$/.test(host) ? host : null;
}

/**
 * Whether a name, as DNS has it, is a permutation of a domain or has one of its words in a label; null:
 * neither, or it is own.
 */
export function matchName(name: string, { words, permutations, own, registrable }: BrandOptions): FeedMatch | null {
  if (own.some((one) => name === one || name.endsWith(`.${one}`))) return null;
  const permutation = permutations.get(registrable(name)) ?? permutations.get(name);
  if (permutation !== undefined) return { name, kind: permutation.kind, word: null };
  // The suffix is nobody's word.
  const suffix = registrable(name).split('.').slice(1).join('.');
  const labels = name
    .slice(0, name.length - suffix.length)
    .split('.')
    .filter(Boolean);
  const word = words.find((one) => labels.some((label) => holds(label, one)));
  return word === undefined ? null : { name, kind: 'brand', word };
}

function holds(label: string, word: string): boolean {
  const shown = skeleton(label.startsWith('xn--') ? domainToUnicode(label) : label);
  const wanted = skeleton(word);
  if (wanted.length <= SHORT_WORD) return shown.split('-').includes(wanted);
  return shown.replaceAll('-', '').includes(wanted.replaceAll('-', ''));
}

/** Letters that look the same are one letter: what "Kestre1" and "kestrеl" share. */
export function skeleton(text: string): string {
  const letters = [...text.toLowerCase().normalize('NFD')].map((letter) => LOOKS_LIKE.get(letter) ?? letter).join('');
  return letters.replace(/[̀-ͯ]/g, '').replace(/[1i]/g, 'l').replaceAll('0', 'o').replaceAll('rn', 'm').replaceAll('vv', 'w');
}

/** Letters outside ASCII, by the letter that they look like. */
const LOOKS_LIKE = new Map<string, string>();
for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
  for (const glyph of glyphsOf(letter))
    if (glyph.length === 1 && glyph > '\x7f' && !LOOKS_LIKE.has(glyph)) LOOKS_LIKE.set(glyph, letter);
  if (CYRILLIC[letter] !== undefined) LOOKS_LIKE.set(CYRILLIC[letter], letter);
}
