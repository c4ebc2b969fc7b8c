import { domainToUnicode } from 'node:url';
import { bundled } from '../bundled.ts';

/** Characters and words of a name that are compared; characters that display nothing do not count. */
const LONGEST = 256;
const LONGEST_WRITTEN = 65_536;
const MOST_WORDS = 128;

/**
 * Letters that look like others and are not among the confusables: small capitals, and letters in black
 * circles and squares.
 */
const SMALL_CAPITALS = new Map(
  [...'ᴀaʙbᴄcᴅdᴇeꜰfғfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz'.matchAll(/(.)([a-z])/gu)].map(([, from, as]) => [from!, as!]),
);
const BLACK = [0x1f150, 0x1f170];
/**
 * Letters with a stroke, hook or tail, which Unicode does not decompose; symbols used for a letter; turned
 * and reversed letters.
 */
const ADORNED = new Map(
  [
    ...'øołlđdħhŧtǥgɠgƀbɓbƈcƌdɗdɖdƒfɨiɉjƙkƚlɫlɬlɭlɱmɲnɳnƞnŋnɵoƥpɋqɍrɽrʂsƭtʈtʉuʋvƴyɏyƶzȥzʐzʑz€e¥y$s¢c£l₩wɐaɒaɔcǝeəeɘeɜeɛeɞeʚeƃgɥhᴉiʞkɯmɹrɾrƨsƽsʇtʌvʍwʎyƹz'.matchAll(
      /(.)([a-z])/gu,
    ),
  ].map(([, from, as]) => [from!, as!]),
);

/** Rings and discs, as letters of several scripts and as symbols: they all look like an "o". */
const RINGS =
  /[\u110B\u114C\u11BC\u11F0\u2296-\u229B\u25C9\u25CB-\u25CF\u25E6\u25EF\u26AA\u26AB\u2B24\u2B55\u3007\u{1F534}\u{1F535}\u{1F7E0}-\u{1F7E4}]/gu;
/** Pairs of letters that are read as one. ("rn" is "m" among the confusables.) */
const PAIRS: readonly (readonly [string, string])[] = [
  ['vv', 'w'],
  ['cl', 'd'],
];

let skeletons: ReadonlyMap<string, string> | null = null;

/** Replaces each character by the one it is compared as: data/confusables.json (UTS 39 section 4). */
function skeletonOf(text: string): string {
  if (skeletons === null) {
    const { skeletons: table } = bundled('confusables.json') as { skeletons: Record<string, string> };
    skeletons = new Map(Object.entries(table).flatMap(([as, from]) => [...from].map((c) => [c, as] as const)));
  }
  let out = '';
  for (const c of text) out += skeletons.get(c) ?? digitOf(c);
  return out;
}

/** A digit of any script as an ASCII digit: the digits of a script are ten adjacent characters. */
function digitOf(c: string): string {
  if (c < '\u0660' || !/\p{Nd}/u.test(c)) return c;
  const code = c.codePointAt(0)!;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return String((code - first) % 10);
}

/**
 * The words of a name as they are compared: compatibility forms (NFKC), A-labels decoded, invisible
 * characters and decorations of letters removed, look-alike characters replaced by what they look like (UTS
 * 39), lower case, split at everything but letters and digits, and before a capital between small letters.
 *
 * There are two readings, as letters may look alike in one case only: "GoogIe" with a capital i looks like
 * Google only as written, and "GMX" is compared in lower case. A name belongs to a reporter when either
 * reading does.
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
      // The lunate sigma looks like a "c", but NFKC turns it into an "s".
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
  // Twice: the replacement may be a capital that looks like another letter in turn.
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

/** Legal forms, and words for what somebody does rather than who they are. They are not part of a name. */
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

/** Fewer letters than this, attached to a name, may be the rest of another word: Googles, Outlooker. */
const GLUED = 3;

/**
 * A word without a number or a word of EMPTY attached to its end or beginning: GoogleLLC, Outlook365,
 * dmarcyahoo.
 */
export function unglued(word: string): string[] {
  const stems = [word.replace(/\d+$/, '')];
  for (const empty of EMPTY) {
    if (empty.length < GLUED || empty.length >= word.length) continue;
    if (word.endsWith(empty)) stems.push(word.slice(0, -empty.length));
    if (word.startsWith(empty)) stems.push(word.slice(empty.length));
  }
  return stems;
}

/** Whether a word is not part of any name. */
export const isEmpty = (word: string): boolean => EMPTY.has(word);

/**
 * The keys of a name, one for each reading: its words joined, without words of EMPTY at the beginning and
 * end; all words when nothing is left.
 */
export function nameKeys(name: string): string[] {
  return wordsOf(name).map((words) => {
    let [from, to] = [0, words.length];
    while (to > from && isEmpty(words[to - 1]!)) to--;
    while (from < to && isEmpty(words[from]!)) from++;
    return words.slice(...(from < to ? [from, to] : [0])).join('');
  });
}
