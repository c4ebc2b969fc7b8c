import { skeleton } from '../dns/lookalikes/brand.ts';
import { wordsOf } from '../report/reporters/names.ts';
import { asDirected } from './direction.ts';

/** What turns the direction of the text after it around (UAX #9). */
const OVERRIDE = /[\u202e\u2067\u202b]/u;
/**
 * What programs show as nothing: marks of direction, joiners, fillers, tags, control characters, and what
 * stands for octets that are no text.
 */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\u2800\ufffc\ufffd\u{1d159}\u{13441}-\u{13446}\u{16fe4}]/gu;
/** Blanks that are so narrow that two halves of a word beside one are read as one word. */
const NARROW = /[\u2004-\u200a\u202f\u205f]/gu;
/** Marks upon marks: as many as a reader can distinguish are kept. */
const HEAPED = /(\p{M}{4})\p{M}+/gu;

/**
 * A name as a reader sees it: without what is not shown; where marks turn the direction, in the order that
 * they make, too.
 */
export function asShown(name: string): string[] {
  const readings = [name, ...asDirected(name)];
  // Some programs turn the whole name around.
  if (OVERRIDE.test(name)) readings.push([...name].reverse().join(''));
  const seen = readings.map((one) => one.replace(UNSEEN, '').replace(HEAPED, '$1'));
  return [...new Set(seen.flatMap((one) => [one, unescaped(one)]))];
}

/** As programs show it that read escapes of HTML and of URLs where there are none. */
const unescaped = (text: string): string =>
  text
    .replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&commat;/gi, '@')
    .replace(/&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));?/gi, (all, hex?: string, decimal?: string) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
    });

/** What is read as a dot, and as the "@" of an address. */
const DOTS =
  /[\u3002\uff61\uff0e\ufe52\u2024\u06d4\u0701\u0702\u0660\u06f0\ua4f8\ua60e\u00b7\u2022\u2219\u22c5\u2027\u30fb\uff65\u02d9\u{10a50}\u{1d16d}]/gu;
/** Words and brackets in place of them: "ada (at) example [dot] com". Tried beside the text as it stands. */
const SPELLED: readonly (readonly [RegExp, string])[] = [
  [/[\s_]{0,4}[([{<«]{1,4}\s?(?:at|a|@|ät|arroba)\s?[)\]}>»]{1,4}[\s_]{0,4}/giu, '@'],
  [/(?<=[\p{L}\p{N}])[\s_-]{1,4}(?:at|ät|arroba)\)?[\s_-]{1,4}(?=[\p{L}\p{N}])/giu, '@'],
  [/[\s_]{0,4}[([{<«]{1,4}\s?(?:dot|punkt|point|punto|\.)\s?[)\]}>»]{1,4}[\s_]{0,4}/giu, '.'],
  [/(?<=[\p{L}\p{N}])[\s_]{1,4}(?:dot|punkt|point|punto)[\s_]{1,4}(?=[\p{L}\p{N}])|(?<=[\p{L}\p{N}]),(?=[\p{L}\p{N}])/giu, '.'],
];
/** Letters with blanks between them all. */
const APART = /(?<!\S)(?:\S\s{1,2}){4,}\S(?!\S)/gu;
const ATS = /[\u00a9\uff20\ufe6b\u24d0\u24b6\u{1f150}\u{1f170}]\u20dd?|[aA]\u20dd/gu;
/** Something with an "@" and dots behind it, in any letters. */
const ADDRESS = /@\s?([\p{L}\p{M}\p{N}_-]{1,250}(?:\s?\.\s?[\p{L}\p{M}\p{N}_-]{1,250}){1,126})/gu;

/**
 * The own domain that an address within shown names looks like: with letters of other scripts, of other
 * widths, or turned around.
 * @param names up to some thousand characters each
 * @returns null when none does
 */
export function ownDomainShown(names: readonly string[], own: readonly string[]): string | null {
  const wanted = own.map((domain) => ({ domain, alike: skeleton(domain), words: joined(domain) }));
  for (const name of names)
    for (const text of asShown(name)) {
      const plain = text
        .replace(NARROW, '')
        .replace(APART, (run) => run.replace(/\s/gu, ''))
        .replace(ATS, '@')
        .replace(DOTS, '.')
        .normalize('NFKC');
      const spelled = SPELLED.reduce((left, [words, sign]) => left.replace(words, sign), plain);
      for (const [, host] of [...new Set([plain, spelled])].join('\n').matchAll(ADDRESS)) {
        const shown = host!.replace(/\s/g, '');
        const alike = skeleton(shown);
        const words = joined(shown);
        const found = wanted.find(
          (one) =>
            alike === one.alike ||
            alike.endsWith(`.${one.alike}`) ||
            words.some((seen) => one.words.some((want) => seen === want || seen.endsWith(` ${want}`))),
        );
        if (found !== undefined) return found.domain;
      }
    }
  return null;
}

/** A domain by the letters that each of its labels looks like (UTS 39); of a long one its end. */
const joined = (domain: string): string[] => wordsOf(domain.slice(-256)).map((words) => words.join(' '));
