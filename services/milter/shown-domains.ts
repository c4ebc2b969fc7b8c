import { skeleton } from '../dns/lookalikes/brand.ts';

/** What turns the direction of the text after it around (Unicode Bidirectional Algorithm, UAX #9). */
const OVERRIDE = /[\u202e\u2067\u202b]/u;
/** Characters that are not shown: marks of direction, joiners, soft hyphens, tags, fillers, symbols without a shape. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Variation_Selector}\u2800\u{1D159}]/gu;
/** Blanks of other widths, some so thin that they are not seen between letters. */
const THIN = /[\u2000-\u200a\u202f\u205f]/gu;
/** What is drawn like an "@": letters in circles. */
const AT = /[\u24b6\u24d0\u{1F150}\u{1F170}]|[Aa@]\u20dd/gu;

/**
 * A name as a reader may see it: without what is not shown, letters of other widths as the usual ones, and, where marks turn the
 * direction around, from its end as well, and so what is behind the mark alone.
 */
export function asShown(name: string): string[] {
  const plain = (text: string) => text.replace(UNSEEN, '').normalize('NFKC');
  const readings = [plain(name)];
  if (name.search(THIN) >= 0) readings.push(plain(name.replace(THIN, '')));
  if (name.search(AT) >= 0) readings.push(plain(name.replace(THIN, '').replace(AT, '@')));
  const mark = name.search(OVERRIDE);
  if (mark >= 0) {
    const turned = (text: string) => [...plain(text)].reverse().join('');
    readings.push(turned(name), plain(name.slice(0, mark)) + turned(name.slice(mark)));
  }
  return [...new Set(readings)];
}

/** What is drawn like a dot between the labels of a domain, beside those that NFKC makes one. */
const DOT = '.\\u00b7\\u06d4\\u0701\\u0702\\u3002\\uff61';
const DOTS = new RegExp(`[${DOT}]`, 'gu');
/** Something with an "@" and dots behind it, in any letters. */
const ADDRESS = new RegExp(`@\\s?([\\p{L}\\p{N}\\p{M}_-]{1,63}(?:\\s?[${DOT}]\\s?[\\p{L}\\p{N}\\p{M}_-]{1,63}){1,10})`, 'gu');

/**
 * The own domain that an address within shown names looks like: with letters of other scripts, of other widths, or turned around.
 * @param names up to some hundred characters each
 * @returns null when none does
 */
export function ownDomainShown(names: readonly string[], own: readonly string[]): string | null {
  const wanted = own.map((domain) => [domain, skeleton(domain)] as const);
  for (const name of names)
    for (const text of asShown(name))
      for (const [, host] of text.matchAll(ADDRESS)) {
        const seen = skeleton(host!.replace(/\s/g, '').replace(DOTS, '.'));
        const found = wanted.find(([, one]) => seen === one || seen.endsWith(`.${one}`));
        if (found !== undefined) return found[0];
      }
  return null;
}
