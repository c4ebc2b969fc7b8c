import { wordsOf } from '../report/reporters/names.ts';

/** Characters of a name that are compared at a time, and how far apart these parts begin. */
const PART = 256;
const STEP = 128;
/** A name without its blanks as one word among others: a shorter one may be another name, as "annlee" is. */
const LONG = 9;
/** A name of so many characters without blanks between its words is no part of an ordinary word. */
const UNSPACED_LONG = 3;

/** Scripts that write a name without blanks, so that a title beside it is in the same word. */
const UNSPACED = /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Thai}\s]+$/u;
/** Letters, by how they are spelled where a keyboard has none of them. */
const SPELLED = new Map([...'äae öoe üue ßss øoe åaa æae œoe þth'.matchAll(/(\S)(\S+)/g)].map(([, c, as]) => [c!, as!]));
/** Digits and signs that are written for letters, where letters stand beside them. */
const LEET = new Map(
  [...'1i2z3e4a5s6b7t8b9g@a!i+t∀a∊e∈e∃e∂d∧a∨v∪u∩n⊂c₳a฿b₿b₵c₫d₲g₭k£l₤l₥m₦n₱p$s₮t₩w¥y'.matchAll(/(.)([a-z])/gu)].map(
    ([, c, as]) => [c!, as!],
  ),
);
const SIGNS = '@!+∀∊∈∃∂∧∨∪∩⊂₳฿₿₵₫₲₭£₤₥₦₱$₮₩¥';
const LEET_SIGN = new RegExp(`[2-9${SIGNS}]`, 'gu');
const LEET_ALL = new RegExp(`[1-9${SIGNS}]`, 'gu');
/** Letters that are drawn of two signs. */
const DRAWN: readonly (readonly [RegExp, string])[] = [
  [/(?:\(\)|\[\]|<>)/g, 'o'],
  [/\\\//g, 'v'],
  [/\/\\/g, 'a'],
  [/\|\)/g, 'd'],
];

/** What people put directly before or behind a name. */
const STUCK = [
  'ceo cfo cto coo cio ciso cmo cso evp svp vp md mr mrs ms miss dr prof phd mba hr it office desk team support admin boss chief',
  'president director manager private personal home work real official mobile iphone new urgent via from mail email account payroll',
  'finance sales info the iam',
]
  .join(' ')
  .split(' ')
  .map((word) => wordsOf(word)[0]!.join(''));

/** A name of somebody, as it is looked for. */
export interface WantedName {
  /**
   * Its words, in each of their readings; of a name with names in the middle also the first and the last one
   * alone.
   */
  forms: readonly (readonly string[])[];
  /** In a script without blanks. */
  unspaced: boolean;
}

/** Names that are remembered: people are the same for each mail. */
const MOST_REMEMBERED = 10_000;
const remembered = new Map<string, WantedName>();

export function wantedName(name: string): WantedName {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  const wanted = read(name);
  remembered.set(name, wanted);
  return wanted;
}

function read(name: string): WantedName {
  const forms = spellings(name).flatMap((one) => wordsOf(one));
  const short = forms.filter(({ length }) => length > 2).map((words) => [words[0]!, words.at(-1)!]);
  return { forms: [...forms, ...short].filter(({ length }) => length > 0), unspaced: UNSPACED.test(name.normalize('NFKC')) };
}

/** Words of a part of a text, in one reading, and what they are together. */
export interface ShownWords {
  words: readonly string[];
  together: string;
}

/** The words of a text in which names are looked for: of each part of it, in each reading. */
export function shownWords(text: string): readonly ShownWords[] {
  // An apostrophe that counts as a letter ends a word as any other does. A gap is a blank, whatever it is
  // made of.
  const drawn = DRAWN.reduce((left, [signs, letter]) => left.replace(signs, letter), text);
  const found: ShownWords[] = [];
  for (const one of new Set([text, drawn])) for (const parted of partings(one)) found.push(...wordsShown(parted));
  return found;
}

/** A number behind a word is one ("lovelace2026"), or its end ("Lovelac3"). */
function partings(text: string): string[] {
  const plain = text
    .replace(/[\u02b9-\u02df\u02ec-\u02ff\ua78b\ua78c]+/gu, "'")
    .replace(/[\p{Z}\p{P}\p{C}]{3,}|\p{S}{64,}/gu, ' ')
    .replace(/(\p{Ll})(?=\p{Lu})|(\p{Lu})(?=\p{Lu}\p{Ll})/gu, '$& ');
  return [...new Set([plain.replace(/\p{L}(?=\p{Nd}+(?![\p{L}\p{N}]))/gu, '$& '), plain])];
}

function wordsShown(plain: string): ShownWords[] {
  const found: ShownWords[] = [];
  for (let at = 0; at === 0 || at + STEP < plain.length; at += STEP)
    for (const one of spellings(plain.slice(at, at + PART)).flatMap(lettered))
      for (const words of wordsOf(one)) found.push({ words, together: words.join('') });
  return found;
}

/**
 * Whether a text has the name of a person in it, in any order of its words and however its letters are
 * written: together, apart, in the genitive, with other words around them.
 */
export const namesPerson = (text: string, name: string): boolean => showsName(shownWords(text), wantedName(name));

export const showsName = (shown: readonly ShownWords[], { forms, unspaced }: WantedName): boolean =>
  shown.some((one) =>
    // Most texts do not even have the letters of the words.
    forms.some((form) => form.every((word) => one.together.includes(word)) && holdsName(one, form, unspaced)),
  );

function spellings(text: string): string[] {
  const spelled = text.normalize('NFC').replace(/[^\x00-\x7f]/gu, (c) => {
    const as = SPELLED.get(c.toLowerCase());
    return as === undefined ? c : c === c.toLowerCase() ? as : as[0]!.toUpperCase() + as.slice(1);
  });
  return [...new Set([text, spelled])];
}

function lettered(text: string): string[] {
  const beside = (at: number) => /\p{L}/u.test(text[at] ?? '');
  const read = (signs: RegExp) =>
    text.replace(signs, (c, at: number) => (beside(at - 1) || beside(at + c.length) ? LEET.get(c)! : c));
  // A "1" is an "l" in what is compared, or an "i".
  return [...new Set([text, read(LEET_SIGN), read(LEET_ALL)])];
}

function holdsName({ words, together }: ShownWords, name: readonly string[], unspaced: boolean): boolean {
  const whole = [name.join(''), [...name].reverse().join('')];
  if (whole.includes(together)) return true;
  if (unspaced) return whole.some((one) => words.includes(one) || (one.length >= UNSPACED_LONG && together.includes(one)));
  // One word alone, such as a first name, is in many names.
  if (name.length === 1) return false;
  return (
    name.every((word, at) => holdsWord(words, word, at === name.length - 1 && words.length > name.length)) ||
    whole.some((word) => holdsTogether(words, word, word.length < LONG ? 2 : 1) || words.some((one) => isStuck(one, word)))
  );
}

/** @param genitive "Lovelaces" is Lovelace's: something follows, so that it is no other name */
const holdsWord = (words: readonly string[], wanted: string, genitive: boolean): boolean =>
  holdsTogether(words, wanted, 1) ||
  (genitive && words.includes(`${wanted}s`)) ||
  // Other words begin or end with a name of few letters.
  (wanted.length > 3 && words.some((one) => isStuck(one, wanted)));

/** Whether so many words or more that follow each other make this one: "Love lace", "A.da", "ADALOVELACE". */
function holdsTogether(words: readonly string[], wanted: string, fewest: number): boolean {
  return words.some((_, first) => {
    let run = '';
    let at = first;
    while (run.length < wanted.length && words[at] !== undefined) run += words[at++];
    return run === wanted && at - first >= fewest;
  });
}

/** Whether a word is this one with titles or a number attached: "ADALOVELACECEO". */
function isStuck(word: string, wanted: string): boolean {
  if (word.length === wanted.length) return false;
  for (let at = word.indexOf(wanted); at >= 0; at = word.indexOf(wanted, at + 1)) {
    const [before, after] = [word.slice(0, at), word.slice(at + wanted.length)];
    if (isTitle(before) && isTitle(after)) return true;
  }
  return false;
}

const isTitle = (text: string): boolean =>
  /^\p{N}*$/u.test(text) ||
  STUCK.some((title) => text.startsWith(title) && (text === title || isTitle(text.slice(title.length))));
