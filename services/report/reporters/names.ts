import { domainToUnicode } from 'node:url';
import { bundled } from '../bundled.ts';

/** A name is a few words; what a report has beyond nobody is shown. What shows nothing does not count. */
const LONGEST = 256;
const LONGEST_WRITTEN = 65_536;
const MOST_WORDS = 128;

/** Letters that look like others and are not among the confusables: small capitals, and letters in black circles and squares. */
const SMALL_CAPITALS = new Map(
  [...'ᴀaʙbᴄcᴅdᴇeꜰfғfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz'.matchAll(/(.)([a-z])/gu)].map(([, from, as]) => [from!, as!]),
);
const BLACK = [0x1f150, 0x1f170];
/** Letters with a stroke, a hook or a tail, which Unicode does not take apart; signs that stand for a letter; letters turned and reversed. */
const ADORNED = new Map(
  [
    ...'øołlđdħhŧtǥgɠgƀbɓbƈcƌdɗdɖdƒfɨiɉjƙkƚlɫlɬlɭlɱmɲnɳnƞnŋnɵoƥpɋqɍrɽrʂsƭtʈtʉuʋvƴyɏyƶzȥzʐzʑz€e¥y$s¢c£l₩wɐaɒaɔcǝeəeɘeɜeɛeɞeʚeƃgɥhᴉiʞkɯmɹrɾrƨsƽsʇtʌvʍwʎyƹz'.matchAll(
      /(.)([a-z])/gu,
    ),
  ].map(([, from, as]) => [from!, as!]),
);

/** What is drawn as a ring or a disc, in scripts that have a letter for it and among the signs: an "o" to everybody. */
const RINGS =
  /[\u110B\u114C\u11BC\u11F0\u2296-\u229B\u25C9\u25CB-\u25CF\u25E6\u25EF\u26AA\u26AB\u2B24\u2B55\u3007\u{1F534}\u{1F535}\u{1F7E0}-\u{1F7E4}]/gu;
/** Pairs of letters that are read as one. ("rn" is "m" among the confusables.) */
const PAIRS: readonly (readonly [string, string])[] = [
  ['vv', 'w'],
  ['cl', 'd'],
];

let skeletons: ReadonlyMap<string, string> | null = null;

/** What each character is compared as: data/confusables.json (UTS 39 section 4). */
function skeletonOf(text: string): string {
  if (skeletons === null) {
    const { skeletons: table } = bundled('confusables.json') as { skeletons: Record<string, string> };
    skeletons = new Map(Object.entries(table).flatMap(([as, from]) => [...from].map((c) => [c, as] as const)));
  }
  let out = '';
  for (const c of text) out += skeletons.get(c) ?? digitOf(c);
  return out;
}

/** A digit of any script as an ASCII one: their digits lie in runs of ten. */
function digitOf(c: string): string {
  if (c < '\u0660' || !/\p{Nd}/u.test(c)) return c;
  const code = c.codePointAt(0)!;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return String((code - first) % 10);
}

/**
 * The words of a name as they are compared: compatibility forms (NFKC), A-labels read, what shows nothing and what only decorates a letter
 * taken out, look-alike characters replaced by what they look like (UTS 39), lower case, split at all that is no letter or digit, and
 * before a capital between small letters.
 *
 * Two readings, as letters look alike in one case and not in the other: "GoogIe" with a capital i is Google only as it stands, and
 * "GMX" has its letters only in lower case. A name is somebody's when either is.
 */
export function wordsOf(name: string): readonly (readonly string[])[] {
  const plain = unadorned(
    name
      .slice(0, LONGEST_WRITTEN)
      .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '')
      .slice(0, LONGEST)
      .replace(/\bxn--[a-z0-9-]+(?:\.[a-z0-9-]+)*/gi, (label) => domainToUnicode(label) || label)
      .replace(/[\u2122\u2120\u00A9\u00AE]/g, ' ')
      .replace(/[\u{1F1E6}-\u{1F1FF}]/gu, (c) => String.fromCharCode(65 + c.codePointAt(0)! - 0x1f1e6))
      // The lunate sigma, a "c" to everybody, which NFKC makes an "s" of.
      .replace(/[\u03F2\u03F9]/g, 'c')
      .normalize('NFKC')
      .replace(RINGS, 'o')
      .replace(/[\u{1F150}-\u{1F169}\u{1F170}-\u{1F189}]/gu, blackLetter)
      .replace(/[\u0262-\u029F\u0493\u1D00-\u1D22\uA730\uA731]/g, (c) => SMALL_CAPITALS.get(c) ?? c)
      .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '')
      .normalize('NFKD')
      .replace(/\p{M}/gu, ''),
  ).replace(/(\p{Ll})(?=\p{Lu}\p{Ll})/gu, '$1 ');
  const split = (text: string) =>
    text
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.slice(0, MOST_WORDS) ?? [];
  const seen = (text: string) => split(PAIRS.reduce((left, [pair, as]) => left.replaceAll(pair, as), text));
  // Twice: what a character looks like may be a capital that looks like something else in turn.
  const small = seen(skeletonOf(skeletonOf(plain.toLowerCase()).toLowerCase()).toLowerCase());
  const asItStands = seen(skeletonOf(skeletonOf(plain).toLowerCase()).toLowerCase());
  return small.join(' ') === asItStands.join(' ') ? [small] : [small, asItStands];
}

function unadorned(text: string): string {
  return text.replace(/[^\x00-\x23\x25-\x7f]/gu, (c) => ADORNED.get(c) ?? ADORNED.get(c.toLowerCase())?.toUpperCase() ?? c);
}

function blackLetter(c: string): string {
  const code = c.codePointAt(0)!;
  return String.fromCharCode(65 + code - BLACK.findLast((first) => first <= code)!);
}

/** Forms of companies, and words that say what somebody does here and not who he is. They are not part of a name. */
const EMPTY = new Set(
  wordsIn(
    'inc incorporated llc llp ltd limited corp corporation co company gmbh ag kg ug mbh ohg se sa sas sarl spa srl sl bv nv plc pty pte ' +
      'oy oyj ab as asa aps sro zoo ooo pjsc ev eg the of for from by via and at on behalf dmarc rua ruf report reports reporting reporter ' +
      'aggregate feedback mail mails email emails mailer postmaster noreply no reply donotreply team support abuse security service ' +
      'services system systems server servers enterprise official automated agent daemon receiver e s a p r o z t',
  ),
);

function wordsIn(list: string): string[] {
  return list.split(' ').map((word) => wordsOf(word)[0]!.join(''));
}

/** Fewer letters than these, glued to a name, may be the rest of another word: Googles, Outlooker. */
const GLUED = 3;

/** A word without a number, or a word of EMPTY, that was written to its end or beginning: GoogleLLC, Outlook365, dmarcyahoo. */
export function unglued(word: string): string[] {
  const stems = [word.replace(/\d+$/, '')];
  for (const empty of EMPTY) {
    if (empty.length < GLUED || empty.length >= word.length) continue;
    if (word.endsWith(empty)) stems.push(word.slice(0, -empty.length));
    if (word.startsWith(empty)) stems.push(word.slice(empty.length));
  }
  return stems;
}

/** Whether a word is part of nobody's name. */
export const isEmpty = (word: string): boolean => EMPTY.has(word);

/**
 * What a name is found by, once for each of its readings: its words without what is part of nobody's name at its end and beginning,
 * joined; the whole when nothing is left.
 */
export function nameKeys(name: string): string[] {
  return wordsOf(name).map((words) => {
    let [from, to] = [0, words.length];
    while (to > from && isEmpty(words[to - 1]!)) to--;
    while (from < to && isEmpty(words[from]!)) from++;
    return words.slice(...(from < to ? [from, to] : [0])).join('');
  });
}
