import { skeleton } from '../dns/lookalikes/brand.ts';

/** What turns the direction of the text after it around (Unicode Bidirectional Algorithm, UAX #9). */
const OVERRIDE = /[\u202e\u2067\u202b]/u;
/** Characters that are not shown: marks of direction, joiners, soft hyphens, tags. */
const UNSEEN = /\p{Cf}|\p{Variation_Selector}|\u034f|\u115f|\u1160|\u3164/gu;

/**
 * A name as a reader sees it: without what is not shown, letters of other widths as the usual ones, and, where marks turn the
 * direction around, from its end as well.
 */
export function asShown(name: string): string[] {
  const plain = name.replace(UNSEEN, '').normalize('NFKC');
  return OVERRIDE.test(name) ? [plain, [...plain].reverse().join('')] : [plain];
}

/** Something with an "@" and dots behind it, in any letters. */
const ADDRESS = /@\s?([\p{L}\p{N}_-]{1,63}(?:\s?[.\u3002\uff61]\s?[\p{L}\p{N}_-]{1,63}){1,10})/gu;

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
        const seen = skeleton(host!.replace(/\s/g, '').replace(/[\u3002\uff61]/g, '.'));
        const found = wanted.find(([, one]) => seen === one || seen.endsWith(`.${one}`));
        if (found !== undefined) return found[0];
      }
  return null;
}
