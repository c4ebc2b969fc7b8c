import type { Authors } from '../report/mail/authors.ts';
import { wordsOf } from '../report/reporters/names.ts';
import { MILTER_CLASSES, type MilterPerson, type MilterRule } from '../shared/settings/milter.ts';
import { asShown, ownDomainShown } from './shown-domains.ts';
import type { Results } from './verify/results.ts';

/** A name that may be mistaken for an own domain, as the watcher knows it. */
export interface KnownLookalike {
  name: string;
  /** The own domain that it looks like. */
  domain: string;
  /** Registered while the watcher watched it. */
  fresh: boolean;
}

/** What is stored that rules need about one mail. */
export interface Knowledge {
  /** Own domains; names below them are own as well. */
  own: readonly string[];
  people: readonly MilterPerson[];
  /** Of the domains that the mail may come from, and those above them. */
  lookalikes: readonly KnownLookalike[];
  /** Of these look-alikes, those from which mail was accepted before. */
  contacted: readonly string[];
  /** The analyzer's class of the source for the author's domain; null when reports do not know it. */
  source_class: string | null;
}

/** Why a rule holds, as data. */
export type Match =
  | { code: 'unclear_from'; why: string }
  | { code: 'own_domain'; domain: string; clear: boolean }
  | { code: 'person'; person: string; shown: string }
  | { code: 'own_address_shown'; domain: string; shown: string }
  | { code: 'lookalike'; name: string; domain: string }
  | { code: 'new_domain'; name: string; domain: string };

export interface Matched {
  rule: MilterRule;
  match: Match;
}

export interface Verdict {
  /** The first rule that holds and is no dry run; null when the mail passes. */
  decided: Matched | null;
  /** Rules before it that are dry runs and hold. */
  dry: readonly Matched[];
  /** A rule could not be judged, since a name server did not answer about the author. */
  unsure: boolean;
}

export interface Judged {
  authors: Authors;
  results: Results;
  known: Knowledge;
  /** Domains of lists and forwarders that are trusted. */
  sealers: readonly string[];
}

/** Tries the rules in their order (docs/milter.md). Pure. */
export function applyRules(rules: readonly MilterRule[], mail: Judged): Verdict {
  const dry: Matched[] = [];
  let unsure = false;
  for (const rule of rules) {
    const match = CONDITIONS[rule.when](mail, rule);
    if (match === 'unknown' && !rule.dry_run) unsure = true;
    if (match === null || match === 'unknown') continue;
    if (!rule.dry_run) return { decided: { rule, match }, dry, unsure: false };
    dry.push({ rule, match });
  }
  return { decided: null, dry, unsure };
}

type Condition = (mail: Judged, rule: MilterRule) => Match | 'unknown' | null;

const CONDITIONS: Record<MilterRule['when'], Condition> = {
  unclear_from: ({ authors: { unclear, unread } }) => {
    const why =
      unclear ??
      (unread === null ? null : `the From field is in the charset ${quoted(unread)}, which programs may read otherwise`);
    return why === null ? null : { code: 'unclear_from', why };
  },
  own_domain: ownDomain,
  display_name: displayName,
  lookalike: (mail) => {
    const found = mail.known.lookalikes[0];
    return found === undefined ? null : { code: 'lookalike', name: found.name, domain: found.domain };
  },
  new_domain: ({ known }) => {
    const found = known.lookalikes.find(({ name, fresh }) => fresh && !known.contacted.includes(name));
    return found === undefined ? null : { code: 'new_domain', name: found.name, domain: found.domain };
  },
};

/** A name that the sender chose, short and in ASCII. */
const quoted = (name: string) => `"${name.replace(/[^a-z0-9._:+-]/gi, '?').slice(0, 40)}"`;

export const isAtOrBelow = (name: string, tops: readonly string[]): boolean =>
  tops.some((top) => name === top || name.endsWith(`.${top}`));

/**
 * An own domain in the From field that nothing proves, whatever its policy. A mail in which every reader finds the same
 * author is let through where reports know its source, or a trusted list vouches for what it changed.
 */
function ownDomain({ authors, results, known }: Judged, rule: MilterRule): Match | 'unknown' | null {
  const own = authors.domains.filter((name) => isAtOrBelow(name, known.own));
  if (own.length === 0) return null;
  const { author } = authors;
  // Another domain of ours beside the author's is forged as well: DMARC proves the author's alone.
  const clear = author !== null && own.every((name) => name === author.domain);
  if (clear) {
    if (results.authenticated === 'yes' || results.vouched_by !== null) return null;
    if ((rule.unless_class ?? MILTER_CLASSES).some((name) => name === known.source_class)) return null;
    if (results.authenticated === 'unknown') return 'unknown';
  }
  return {
    code: 'own_domain',
    domain: author !== null && clear ? author.domain : own.find((name) => name !== author?.domain)!,
    clear,
  };
}

/** Characters of a name that are looked at as a reader sees them: as many as a From field may have. */
const MOST_SHOWN = 8_192;

/** The name of one of our people, or an own address for a name, on a mail from elsewhere. */
function displayName({ authors, results, known, sealers }: Judged): Match | null {
  const { author } = authors;
  // Mail in an own domain's name is for the rule about own domains.
  if (author !== null && isAtOrBelow(author.domain, known.own)) return null;
  const proven = results.authenticated === 'yes';
  // A list that writes in its own name shows who wrote to it.
  if (author !== null && proven && isAtOrBelow(author.domain, sealers)) return null;
  const shown = authors.names.join(' ').slice(0, 500);
  const names = [...authors.names, ...authors.marked].map((name) => name.slice(0, MOST_SHOWN));
  const readings = names.flatMap(asShown);
  const person = known.people.find(
    ({ name, addresses }) =>
      readings.some((text) => namesPerson(text, name)) && !(proven && author !== null && addresses.includes(author.address)),
  );
  if (person !== undefined) return { code: 'person', person: person.name, shown };
  const domain = authors.named.find((name) => isAtOrBelow(name, known.own)) ?? ownDomainShown(names, known.own);
  return domain === null ? null : { code: 'own_address_shown', domain, shown };
}

/** Characters of a name that are compared at a time, and how far apart these parts begin. */
const PART = 256;
const STEP = 128;

/**
 * Whether a text has the name of a person in it, in any order of its words and however its letters are written: together,
 * apart, with other words around them.
 */
export function namesPerson(text: string, name: string): boolean {
  const wanted = wordsOf(name);
  // An apostrophe that counts as a letter ends a word as any other does. A gap is a blank, whatever it is made of.
  const plain = text
    .replace(/[\u02b9-\u02df\u02ec-\u02ff\ua78b\ua78c]+/gu, "'")
    .replace(/[\p{Z}\p{P}\p{C}]{3,}|\p{S}{64,}/gu, ' ')
    .replace(/(\p{Ll})(?=\p{Lu})|(\p{L})(?=\p{Nd}+(?![\p{L}\p{N}]))/gu, '$& ');
  for (let at = 0; at === 0 || at + STEP < plain.length; at += STEP) {
    const found = wordsOf(plain.slice(at, at + PART));
    if (found.some((words) => wanted.some((name) => holdsName(words, name)))) return true;
  }
  return false;
}

/** A name without its blanks as one word among others: a shorter one may be another name, as "annlee" is. */
const LONG = 9;

function holdsName(words: readonly string[], name: readonly string[]): boolean {
  if (name.length === 0) return false;
  const whole = [name.join(''), [...name].reverse().join('')];
  if (whole.includes(words.join(''))) return true;
  // One word alone, such as a first name, is in many names.
  if (name.length === 1) return false;
  return (
    name.every((word) => holdsTogether(words, word, 1)) ||
    whole.some((word) => holdsTogether(words, word, word.length < LONG ? 2 : 1))
  );
}

/** Whether so many words or more that follow each other make this one: "Love lace", "A.da", "ADALOVELACE". */
function holdsTogether(words: readonly string[], wanted: string, fewest: number): boolean {
  return words.some((_, first) => {
    let run = '';
    let at = first;
    while (at < words.length && run.length < wanted.length) run += words[at++];
    return run === wanted && at - first >= fewest;
  });
}
