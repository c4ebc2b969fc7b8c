import { z } from 'zod';
import { addDays, earlier, later } from '../../shared/days.ts';
import { counted, list, number, outOf, percent, short } from '../../shared/format.ts';
import type { Before, BrokenSender } from '../figures.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { type Advice, kind, seenOn, type Told, type Words } from './kind.ts';
import { alignmentWords, lostAlignment } from './lost_alignment.ts';

const facts = z.object({
  rule: z.literal('authentication_regression'),
  /** The tags that ask for strict alignment in the published policy. */
  strict: z.array(z.enum(['adkim', 'aspf'])),
  /**
   * Of these, those that turned strict when the senders broke, and the first day; absent in rows of older
   * versions.
   */
  turned: z.array(z.object({ tag: z.enum(['adkim', 'aspf']), since: z.string() })).optional(),
  /** Of the keys that the senders share, those that verify nowhere since: names as in BrokenSender. */
  dead: z.array(z.string()).optional(),
  /** Those that verify for other mail; what is in neither is not known. */
  alive: z.array(z.string()).optional(),
  /** The lookups that the SPF record needs, and the term at which it exceeds the ten that are allowed. */
  limit: z.object({ lookups: z.number(), over: z.string() }).nullish(),
  /** The DNS record that changed just before, and when ("2026-11-20 14:02"). */
  changed: z.object({ name: z.string(), at: z.string() }).nullish(),
});

type RegressionFacts = z.output<typeof facts>;

/**
 * Senders that broke within so many days of each other most likely did so by one cause; further apart only
 * the mechanism is the same.
 */
const ONE_CAUSE_DAYS = 3;
const MECHANISM = { dkim: 'DKIM', spf: 'SPF', both: 'DKIM and SPF' };

export const authenticationRegression = kind(
  facts,
  { name: 'Authentication that broke', mail: 'rightful', partOf: 'senders', stopsMail: true, againstPolicy: true },
  (told, given) => {
    const { broken = [] } = told.evidence;
    const lost = lostAlignment(told);
    if (lost !== null) return alignmentWords(told, lost, given.turned ?? []);
    const words = broken.some(({ survives_on }) => survives_on !== undefined) ? hiddenWords(told, given) : failingWords(told);
    const since = broken.map((part) => part.since).reduce(earlier, told.evidence.since);
    const { changed, limit } = given;
    const lookups = limit
      ? ` The SPF record needs ${number(limit.lookups)} look-ups, and ten are allowed: ${short(limit.over, 60)} is over the limit (RFC 7208 section 4.6.4).`
      : '';
    const cause = changed ? ` The DNS record at ${short(changed.name)} was changed at ${changed.at} UTC.` : '';
    return { ...words, what: `${words.what}${lookups}${cause}`, advice: adviceOf(told, broken, since, given) };
  },
);

type WithoutAdvice = Omit<Words, 'advice'>;

/** Of senders whose mail fails DMARC. */
function failingWords(told: Told): WithoutAdvice {
  const { senders, messages, of, broken = [], mechanism = 'both' } = told.evidence;
  const domain = short(told.domain);
  const since = broken.map((part) => part.since).reduce(earlier, told.evidence.since);
  const lastSince = broken.map((part) => part.since).reduce(later, since);
  const name = MECHANISM[mechanism];
  const one = senders === 1 ? broken[0] : undefined;
  const through = one ? short(one.source) : counted(senders, 'sender');
  const days = since === lastSince ? `on ${since}` : `between ${since} and ${lastSince}`;
  const cause = lastSince <= addDays(since, ONE_CAUSE_DAYS) ? ', so one cause is likely' : ', each on its own day';
  const sources = broken.map(({ source }) => short(source, 40));
  const fails = mechanism === 'both' ? 'fail' : 'fails';
  const at = receiversOf(told);
  const there = at === null ? '' : ` at ${at}`;
  // A host below the domain names it.
  const where = one && isBelow(one.source, told.domain) ? through : one ? `${through} for ${domain}` : `${through} of ${domain}`;
  return {
    title: at === null ? `${name} ${fails} at ${where}` : `${at} alone ${isOne(told) ? 'refuses' : 'refuse'} ${name} of ${where}`,
    topic: `${name} at ${where}${at === null ? '' : `, refused by ${at}`}`,
    summary: `Mail of ${domain} through ${through} stopped passing DMARC${there}${at === null ? '' : ' alone'} ${days} (${name}): ${counted(messages, 'message')} failed since`,
    what: one
      ? isInPart(one)
        ? `${name} of ${through} ${fails} for part of its mail as ${domain}${there} since ${since}: ${outOf(messages, one.of, 'message')} failed${whyOf(one, domain)}${beforeOf(one.before)}.`
        : `${name} of ${through} aligned with ${domain} until ${one.last_good_day} but ${mechanism === 'both' ? 'have' : 'has'} not${there} since ${since}: ${outOf(messages, one.of, 'message')} failed${whyOf(one, domain)}${beforeOf(one.before)}.`
      : `${name} of ${through} stopped aligning with ${domain}${there} ${days}${cause}: ${list(sources, 3, senders)}; ${number(messages)} of their ${counted(of, 'message')} failed (${percent(messages / of)}).`,
  };
}

/** The receivers that refuse its senders while others pass them; null where there are none. */
function refusing({ evidence: { broken = [] } }: Told): string[] | null {
  if (broken.length === 0 || broken.some(({ at }) => at === undefined)) return null;
  return [...new Set(broken.flatMap(({ at }) => at ?? []))];
}

const isOne = (told: Told): boolean => refusing(told)?.length === 1;

function receiversOf(told: Told): string | null {
  const at = refusing(told);
  return at === null
    ? null
    : list(
        at.map((key) => reporterName(key, told.evidence)),
        3,
      );
}

/** What one receiver refuses, and the others do not. */
function refusedAdvice(told: Told): Advice[] {
  const at = receiversOf(told);
  if (at === null) return [];
  return [
    seenOn(
      'dns_check',
      isOne(told)
        ? `The other receivers go on passing this mail, so look for what ${at} alone demands: it may refuse a DKIM key of fewer than 1,024 bits or SHA-1 (RFC 8301), answers of your name servers may not reach it, or what lies before its mailboxes changes the mail. "ruawatch dns check ${short(told.domain)}" names weak keys.`
        : `The other receivers go on passing this mail. Where several fail alike, DNS is the usual reason: receivers that validate DNSSEC get no key (temperror) from a zone whose signatures are broken, also one below _domainkey. Run "ruawatch dns check ${short(told.domain)}", and test the names of the keys with a resolver that validates.`,
    ),
  ];
}

/** What the failing rows themselves show of why. */
function whyOf({ unsigned, error, mechanism }: BrokenSender, domain: string): string {
  const parts = [
    ...(unsigned ? [`${mechanism === 'both' ? 'they bear' : 'it bears'} no signature of ${domain}`] : []),
    ...(error ? [`SPF ended in ${error}`] : []),
    ...(unsigned && mechanism === 'both' && !error ? ['the address they come from is not in its SPF record'] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(' and ')})`;
}

/**
 * Of senders that lost a mechanism while the other one carries most of the mail: what lost it is said first.
 */
function hiddenWords(told: Told, { dead = [] }: RegressionFacts): WithoutAdvice {
  const { senders, messages, of, broken = [] } = told.evidence;
  const domain = short(told.domain);
  const since = broken.map((part) => part.since).reduce(earlier, told.evidence.since);
  const surviving = broken.filter(({ survives_on }) => survives_on !== undefined);
  const failing = broken.filter(({ survives_on }) => survives_on === undefined);
  const failed = failing.reduce((n, part) => n + part.messages, 0);
  const rest =
    failing.length === 0
      ? ''
      : ` Through ${list(
          failing.map(({ source }) => short(source, 40)),
          2,
        )}, which ${failing.length === 1 ? 'has' : 'have'} nothing else, ${counted(failed, 'message')} failed DMARC.`;
  const through = list(
    surviving.map(({ source }) => short(source, 40)),
    3,
  );
  const where = senders === 1 ? `${through} for ${domain}` : `${counted(senders, 'sender')} of ${domain}`;
  const error = surviving.find((part) => part.error !== undefined)?.error;
  if (told.subject === 'spf') {
    const record = short(common(broken, (name) => !isKey(name)).shared ?? told.domain);
    const ends = `ends in ${error ?? 'permerror'}`;
    return {
      title: `SPF of ${domain} ${ends} at receivers`,
      topic: `SPF of ${domain}`,
      summary: `The SPF record of ${record} could not be evaluated since ${since} (${error ?? 'permerror'}): ${counted(messages, 'message')} passed by DKIM alone, if at all`,
      what: `The SPF check of ${record} ${ends} for ${outOf(messages, of, 'message')} since ${since}. Mail through ${through} passes by DKIM alone.${rest}`,
    };
  }
  const key = common(broken, isKey).shared;
  const selector = key === null ? null : short(key.slice(0, key.indexOf('._domainkey.')), 40);
  // Of a source that goes on signing most of its mail, other servers do well.
  const everywhere = key !== null && dead.includes(key) && !surviving.every(isInPart);
  const stopped = key === null && surviving.every(({ unsigned }) => unsigned === true);
  const what = stopped ? 'without a signature' : 'without a signature that verifies';
  const title = everywhere
    ? `DKIM key ${selector} fails at all senders of ${domain}`
    : stopped
      ? `Mail is no longer signed at ${where}`
      : `DKIM${selector === null ? '' : ` key ${selector}`} fails at ${where}`;
  return {
    title,
    topic: everywhere ? `DKIM key ${selector} of ${domain}` : `DKIM at ${where}`,
    summary: `${title} since ${since}: ${counted(messages, 'message')} ${what}; direct mail survives on SPF alone`,
    what: `${number(messages)} of ${counted(of, 'message')} came ${what} since ${since}. Direct mail (${through}) survives on SPF alone, which forwarding breaks.${rest}`,
  };
}

/** At most so much of a source's mail lost the mechanism: a part of its servers did. */
const PART = 0.8;
const isInPart = ({ messages, of }: BrokenSender) => messages <= PART * of;

const isKey = (name: string) => name.includes('._domainkey.');

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function beforeOf(before: Before | string | undefined): string {
  if (before === undefined) return '';
  if (typeof before === 'string') return `; ${before}`;
  const { passed, of, days } = before;
  return `; ${percent(passed / of)} of ${counted(of, 'message')} passed on the ${counted(days, 'day')} with mail before`;
}

function adviceOf(
  told: Told,
  broken: readonly BrokenSender[],
  since: string,
  { strict: published, dead = [], alive = [] }: RegressionFacts,
): Advice[] {
  const domain = short(told.domain);
  const { mechanism = 'both' } = told.evidence;
  const source = told.evidence.senders === 1 && broken[0] ? short(broken[0].source) : null;
  const keys = common(broken, isKey);
  const records = common(broken, (name) => !isKey(name));
  const record = records.shared ?? domain;
  const strict = published.filter((tag) => mechanism !== (tag === 'adkim' ? 'spf' : 'dkim'));
  return [
    ...refusedAdvice(told),
    ...(mechanism === 'spf'
      ? []
      : [
          keys.all.length === 0 && broken.every(({ unsigned }) => unsigned)
            ? signAdvice(domain, broken)
            : seenOn(
                'dns_records',
                `${keyAdvice(domain, source, { ...keys, dead, alive }, since)}${neverDid(broken) && keys.all.some((name) => dead.includes(name)) ? NEW_PATH : ''}`,
              ),
        ]),
    ...errorAdvice(broken, record, told.domain),
    ...(mechanism === 'dkim' || broken.every(({ error }) => error !== undefined)
      ? []
      : [
          seenOn(
            'dns_records',
            `Check what changed in the SPF record of ${record} around ${since} (an include or address removed, more than 10 DNS look-ups), and whether the return path (MAIL FROM) is still at ${domain}.`,
          ),
        ]),
    ...(source === null && keys.shared === null && strict.length > 0
      ? [
          `The published record asks for strict alignment (${strict.map((tag) => `${tag}=s`).join(', ')}): if that is new, it is why all of them fail.`,
        ]
      : []),
  ];
}

/** Their signatures never verified, so a new way of the mail may be to blame as much as the key. */
const NEW_PATH =
  ' If the key is as it was, the way of the mail is what is new: see what changes mail after it is signed (a gateway, a footer), and let that sign it.';
const neverDid = (broken: readonly BrokenSender[]) =>
  broken.every(({ survives_on, before }) => survives_on === 'spf' && before === undefined);

/** What is not signed has no key to compare. */
function signAdvice(domain: string, broken: readonly BrokenSender[]): string {
  return `Find out why ${list(
    broken.map(({ source }) => short(source, 40)),
    3,
  )} ${broken.length === 1 ? 'sends' : 'send'} mail without a signature of ${domain} (a new host, a signer that does not run), and let it sign with DKIM.`;
}

/** RFC 7208 sections 4.6.4 (limits), 2.6.6 and 2.6.7. */
function errorAdvice(broken: readonly BrokenSender[], record: string, domain: string): Advice[] {
  const errors = broken.flatMap(({ error }) => error ?? []);
  if (errors.length === 0) return [];
  const check = `run "ruawatch dns check ${short(domain)}", which counts its look-ups`;
  return errors.includes('permerror')
    ? [
        seenOn(
          'dns_check',
          `Repair the SPF record of ${short(record)}: ${check} (more than 10, two records, or a term that is not SPF end in permerror).`,
        ),
      ]
    : [
        seenOn(
          'dns_check',
          `The name servers behind the SPF record of ${short(record)} did not answer in time: ${check}, and look at the servers of each include.`,
        ),
      ];
}

/** A key that fails everywhere was replaced or removed; one that verifies elsewhere was not. */
function keyAdvice(
  domain: string,
  source: string | null,
  keys: Names & { dead: readonly string[]; alive: readonly string[] },
  since: string,
): string {
  const verify = (some: readonly string[]) => (some.length === 1 ? 'verifies' : 'verify');
  const key = (some: readonly string[]) => (some.length === 1 ? 'key' : 'keys');
  const gone = keys.all.filter((name) => keys.dead.includes(name));
  if (gone.length > 0)
    return `No mail signed with the ${key(gone)} ${list(gone, 2)} ${verify(gone)} any more: look at what DNS has published there since ${since} (replaced, removed, cut short), and compare it with the ${key(gone)} that ${source ?? 'the signer'} uses.`;
  const sound = keys.all.filter((name) => keys.alive.includes(name));
  if (sound.length > 0)
    return `The ${key(sound)} ${list(sound, 2)} still ${verify(sound)} for other mail, so ${sound.length === 1 ? 'it is' : 'they are'} published: see whether each of your name servers answers with it, what changes mail of ${source ?? 'these senders'} after it is signed (a gateway, a footer), and whether a server signs with another private key under that selector.`;
  const some = source === null && keys.shared !== null ? [keys.shared] : keys.all;
  if (some.length > 0)
    return `${source === null ? (keys.shared === null ? 'They sign with' : 'They share') : 'It signs with'} the ${key(some)} ${list(some, 3)}, which ${some.length === 1 ? 'does' : 'do'} not verify: compare what DNS publishes there with the ${key(some)} that ${source ?? 'they'} ${source === null ? 'use' : 'uses'}, and see whether anything changes the mail after it is signed.`;
  return source === null
    ? `Reports name no selector. See what these senders share: a zone that lost its _domainkey records or its delegation around ${since}, or a gateway that changes mail after it is signed.`
    : `Reports name no selector. Look up which key ${source} signs with and since when, compare that with what is published under _domainkey.${domain}, and see whether anything changes its mail after it is signed.`;
}

interface Names {
  all: string[];
  /** The one that most of the senders share whose names are known. */
  shared: string | null;
}

/** The names of one kind by which these senders fail. */
function common(broken: readonly BrokenSender[], which: (name: string) => boolean): Names {
  const sums = new Map<string, number>();
  const known = broken.filter(({ names }) => names?.some(which));
  for (const name of known.flatMap(({ names = [] }) => names.filter(which))) sums.set(name, (sums.get(name) ?? 0) + 1);
  const ranked = [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const shared = ranked.find(([, n]) => n * 2 > known.length)?.[0] ?? null;
  return { all: ranked.map(([name]) => name), shared };
}
