import type { Authors } from '../report/mail/authors.ts';
import { MILTER_CLASSES, type MilterPerson, type MilterRule } from '../shared/settings/milter.ts';
import { ownDomainAlike } from './alike-domains.ts';
import { shownWords, showsName, wantedName } from './person-names.ts';
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
  /**
   * Of the domains that the mail may come from, and those above them, look-alikes that are ours or that
   * people ignore.
   */
  settled: readonly string[];
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
  lookalike: ({ authors, known }) => {
    const found = known.lookalikes[0] ?? alikeOf(authors, known);
    return found === null ? null : { code: 'lookalike', name: found.name, domain: found.domain };
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
 * An own domain in the From field that nothing proves, whatever its policy. A mail in which every reader
 * finds the same author is let through where reports know its source, or a trusted list vouches for what it
 * changed.
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
  return { code: 'own_domain', domain: own.find((name) => clear || name !== author?.domain)!, clear };
}

/** A domain that looks like an own one, and that the watcher need not know. */
function alikeOf({ domains, seen }: Authors, { own, settled }: Knowledge): { name: string; domain: string } | null {
  for (const name of domains) {
    if (isAtOrBelow(name, own) || isAtOrBelow(name, settled)) continue;
    const domain =
      ownDomainAlike(name, own) ?? own.find((one) => seen.some(({ as, of }) => of === name && isAtOrBelow(as, [one])));
    if (domain != null) return { name, domain };
  }
  return null;
}

/** The name of one of our people, or an own address for a name, on a mail from elsewhere. */
function displayName({ authors, results, known, sealers }: Judged): Match | null {
  const { author } = authors;
  // Mail in an own domain's name is for the rule about own domains.
  if (author !== null && isAtOrBelow(author.domain, known.own)) return null;
  const proven = results.authenticated === 'yes';
  // A list that writes in its own name shows who wrote to it.
  if (author !== null && proven && isAtOrBelow(author.domain, sealers)) return null;
  const { sender } = authors;
  // Where there is no name, programs show what is before the "@" for one.
  const bare =
    authors.names.length > 0 ? [] : authors.addresses.flatMap((address) => routed(address.slice(0, address.lastIndexOf('@'))));
  const names = [...authors.names, ...authors.marked, ...bare, ...sender.names];
  const words = names.flatMap(asShown).flatMap(shownWords);
  const person = known.people.find(
    ({ name, addresses }) =>
      showsName(words, wantedName(name)) && !(proven && author !== null && addresses.includes(author.address)),
  );
  const shown = [...authors.names, ...bare, ...sender.names].join(' ').slice(0, 500);
  if (person !== undefined) return { code: 'person', person: person.name, shown };
  const domain =
    authors.named.find((name) => isAtOrBelow(name, known.own)) ??
    ownDomainShown(names, known.own) ??
    (isSentBy(results, known.own) ? null : sender.domains.find((name) => isAtOrBelow(name, known.own)));
  return domain == null ? null : { code: 'own_address_shown', domain, shown };
}

/** A local part, also as the address that old routes write in it: "ada%example.com", "example.com!ada". */
const routed = (local: string): string[] => [
  ...new Set([local, local.replace(/%(?=[^%]*$)/, '@'), local.replace(/^(.*)![^!]*$/s, 'x@$1')]),
];

/**
 * Whether something proves that a mail passed servers of an own domain, as one of an own mailing list did
 * that came back.
 */
const isSentBy = ({ spf, dkim }: Results, own: readonly string[]): boolean =>
  (spf.result === 'pass' && isAtOrBelow(spf.domain, own)) ||
  dkim.some(({ result, domain }) => result === 'pass' && isAtOrBelow(domain, own));
