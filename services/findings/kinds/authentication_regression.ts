import { z } from 'zod';
import { addDays, earlier, later } from '../../shared/days.ts';
import { counted, list, number, percent, short } from '../../shared/format.ts';
import type { Before, BrokenSender } from '../figures.ts';
import { kind, type Told } from './kind.ts';

const facts = z.object({
  rule: z.literal('authentication_regression'),
  /** The tags that ask for strict alignment in the published policy. */
  strict: z.array(z.enum(['adkim', 'aspf'])),
});

/**
 * Senders that broke within so many days of each other most likely did so by one cause; further apart only
 * the mechanism is the same.
 */
const ONE_CAUSE_DAYS = 3;
const MECHANISM = { dkim: 'DKIM', spf: 'SPF', both: 'DKIM and SPF' };

export const authenticationRegression = kind(facts, (told, given) => {
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
  // A host below the domain names it.
  const where = one && isBelow(one.source, told.domain) ? through : one ? `${through} for ${domain}` : `${through} of ${domain}`;
  return {
    title: `${name} ${fails} at ${where}`,
    topic: `${name} at ${where}`,
    summary: `Mail of ${domain} through ${through} stopped passing DMARC ${days} (${name}): ${counted(messages, 'message')} failed since`,
    what: one
      ? `${name} of ${through} aligned with ${domain} until ${one.last_good_day} but ${mechanism === 'both' ? 'have' : 'has'} not since ${since}: ${number(messages)} of ${counted(one.of, 'message')} failed${beforeOf(one.before)}.`
      : `${name} of ${through} stopped aligning with ${domain} ${days}${cause}: ${list(sources, 3, senders)}; ${number(messages)} of their ${counted(of, 'message')} failed (${percent(messages / of)}).`,
    advice: adviceOf(told, broken, since, given.strict),
  };
});

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function beforeOf(before: Before | string | undefined): string {
  if (before === undefined) return '';
  if (typeof before === 'string') return `; ${before}`;
  const { passed, of, days } = before;
  return `; ${percent(passed / of)} of ${counted(of, 'message')} passed in the ${counted(days, 'mail day')} before`;
}

function adviceOf(
  told: Told,
  broken: readonly BrokenSender[],
  since: string,
  published: readonly ('adkim' | 'aspf')[],
): string[] {
  const domain = short(told.domain);
  const { mechanism = 'both' } = told.evidence;
  const source = told.evidence.senders === 1 && broken[0] ? short(broken[0].source) : null;
  const isKey = (name: string) => name.includes('._domainkey.');
  const keys = common(broken, isKey);
  const records = common(broken, (name) => !isKey(name));
  const record = records.shared ?? domain;
  const strict = published.filter((tag) => mechanism !== (tag === 'adkim' ? 'spf' : 'dkim'));
  return [
    ...(mechanism === 'spf' ? [] : [keyAdvice(domain, source, keys, since)]),
    ...(mechanism === 'dkim'
      ? []
      : [
          `Check what changed in the SPF record of ${record} around ${since} (an include or address removed, more than 10 DNS lookups), and whether the return path (MAIL FROM) is still at ${domain}.`,
        ]),
    ...(source === null && keys.shared === null && strict.length > 0
      ? [
          `The published record asks for strict alignment (${strict.map((tag) => `${tag}=s`).join(', ')}): if that is new, it is why all of them fail.`,
        ]
      : []),
  ];
}

function keyAdvice(domain: string, source: string | null, keys: Names, since: string): string {
  const replaced = 'a key replaced on one side only is the usual cause.';
  if (source !== null) {
    return keys.all.length > 0
      ? `It signs with the key ${list(keys.all, 2)}, which does not verify: compare what DNS publishes there with the key at ${source}; ${replaced}`
      : `Compare the DKIM selector that ${source} signs with, and its public key, with what is published under _domainkey.${domain}: ${replaced}`;
  }
  if (keys.shared !== null)
    return `They share the key ${keys.shared}, which does not verify: check what DNS has published there since ${since} (withdrawn, replaced, truncated), and compare it with the key that signs.`;
  return `Check first what these senders share: the DKIM keys published under _domainkey.${domain} (${keys.all.length > 0 ? `${list(keys.all)} do not verify; ` : ''}a zone that lost its records or its delegation, a selector withdrawn or replaced) around ${since}.`;
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
