import { domainToASCII, domainToUnicode } from 'node:url';
import { labelsOf } from '../client/name.ts';
import { type LookalikeKind, variantsOf } from './permutations.ts';

/** A name that may be taken for one of ours. */
export interface Lookalike {
  /** As DNS has it, with A-labels. */
  name: string;
  /** As a person may see it: with letters of Unicode. */
  shown: string;
  kind: LookalikeKind;
  /** How unlike it is, by how long the name is; the lower, the sooner it is looked at. */
  rank: number;
}

export interface LookalikeOptions {
  /** Public suffixes to try instead of the domain's own. */
  suffixes?: readonly string[];
  /** Words that are put before and behind the name. */
  words?: readonly string[];
}

/** Suffixes under which names of companies are registered most, and those that cost least. */
const SUFFIXES: readonly string[] =
  `com net org info biz co io app dev online site shop store xyz top club icu live pro vip cc me tv us uk co.uk de fr nl it es eu ch at be
  pl se dk no fi cz pt ie ru cn in jp com.au ca com.br mx za cloud email support services company group world life today news tech digital
  agency finance bank help link click website space fun win bid loan work ltd inc`.split(/\s+/);

/** What people expect in a name of a company's, in front of it or behind. */
const WORDS: readonly string[] =
  `account accounts admin auth bank billing careers cloud help helpdesk home hr info invoice login logon mail my myaccount office online
  pay payment payments payroll portal secure security service services shop signin sso store support update verify web webmail`.split(
    /\s+/,
  );

/**
 * Names that may be taken for a domain, each once, the likest first. They are candidates: whether anybody has
 * registered one is for DNS to say.
 * @param written the label below the public suffix: "kestrel-books"; of an A-label, what people see is varied
 * @param suffix the public suffix: "com", "co.uk"
 */
export function lookalikesOf(
  { label: written, suffix }: { label: string; suffix: string },
  { suffixes = SUFFIXES, words = WORDS }: LookalikeOptions = {},
): Lookalike[] {
  const label = written.startsWith('xn--') ? domainToUnicode(written) : written;
  const own = toAscii(`${label}.${suffix}`) ?? `${label}.${suffix}`;
  const best = new Map<string, Lookalike>();
  const offer = (shown: string, kind: LookalikeKind, cost: number) => {
    const name = toAscii(shown);
    if (name === null || name === own || name.endsWith(`.${own}`)) return;
    const rank = cost / Math.sqrt(label.length);
    const before = best.get(name);
    if (before === undefined || before.rank > rank) best.set(name, { name, shown, kind, rank });
  };
  for (const plain of plainForms(label)) offer(`${plain}.${suffix}`, 'homoglyph', 1);
  for (const one of variantsOf(label)) offer(`${one.label}.${suffix}`, one.kind, one.cost);
  for (const other of suffixes) if (other !== suffix) offer(`${label}.${other}`, 'tld', other === 'com' ? 1 : 3);
  for (const word of words) {
    for (const joined of [`${label}-${word}`, `${word}-${label}`]) offer(`${joined}.${suffix}`, 'dictionary', 3);
    for (const joined of [`${label}${word}`, `${word}${label}`]) offer(`${joined}.${suffix}`, 'dictionary', 4);
  }
  for (let i = 1; i < label.length; i++)
    if (label[i] !== '-' && label[i - 1] !== '-') offer(`${label.slice(0, i)}.${label.slice(i)}.${suffix}`, 'subdomain', 4);
  const dashed = suffix.replaceAll('.', '-');
  for (const joined of [`${label}${suffix.replaceAll('.', '')}`, `${label}-${dashed}`])
    for (const end of [suffix, 'com', suffix.split('.').at(-1)!]) offer(`${joined}.${end}`, 'various', 2);
  for (const front of ['www', 'ww', 'http', 'https']) offer(`${front}${label}.${suffix}`, 'various', 3);
  offer(`www-${label}.${suffix}`, 'various', 3);
  if (suffix.includes('.')) {
    for (const part of suffix.split('.')) offer(`${label}.${part}`, 'various', 2);
    offer(`${label}${suffix}`, 'various', 2);
  }
  return [...best.values()].sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
}

/** The name as DNS has it; null when no zone can hold it. */
/** Letters that have no mark to lose. */
const PLAIN: Readonly<Record<string, string>> = { ß: 'ss', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', æ: 'ae', œ: 'oe', ı: 'i' };
/** How German and the northern languages write theirs without marks. */
const SPELT: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe' };

/** A label with marks as it is typed without them: "bücher" is "bucher", and "buecher". */
function plainForms(label: string): string[] {
  const plain = (text: string) =>
    [...text.normalize('NFD').replace(/\p{M}/gu, '')].map((letter) => PLAIN[letter] ?? letter).join('');
  const spelt = [...label.normalize('NFC')].map((letter) => SPELT[letter] ?? letter).join('');
  return [...new Set([plain(label), plain(spelt)])].filter((one) => one !== label);
}

function toAscii(shown: string): string | null {
  const name = domainToASCII(shown);
  if (name === '' || labelsOf(name) === null) return null;
  return name.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) ? name : null;
}
