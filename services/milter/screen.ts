import type { Dns } from '../dns/client/types.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { codeOf, messageOf } from '../shared/errors.ts';
import type { Milter } from '../shared/settings/milter.ts';
import type { WholeMessage } from './message.ts';
import { applyRules, type Knowledge, type Matched } from './rules.ts';
import type { Results } from './verify/results.ts';
import { verifyMail } from './verify/verify.ts';

/** A mail with its envelope. */
export interface Arrival {
  message: WholeMessage;
  /** Null for a client without one. */
  ip: string | null;
  peer_name: string | null;
  helo: string;
  /** Empty for a bounce. */
  mail_from: string;
  recipients: readonly string[];
  queue_id: string | null;
  at: Date;
}

/** What is to become of a mail. */
export interface Screening {
  outcome: 'accept' | 'tag' | 'hold' | 'reject' | 'unjudged';
  results: Results | null;
  decided: Matched | null;
  dry: readonly Matched[];
  /** Why it could not be judged: a sentence; null otherwise. */
  why: string | null;
  known: Knowledge | null;
}

export interface Means {
  settings: Pick<Milter, 'authservId' | 'trustedSealers' | 'rules'>;
  /**
   * For questions about own domains, and for all other: strangers' name servers are not to use up what own
   * mail needs.
   */
  dns: { own: Dns; others: Dns };
  /** Own domains and people, as read a moment ago. @throws when the store does not answer */
  own(): Promise<Pick<Knowledge, 'own' | 'people'>>;
  /** @throws when the store does not answer */
  about(asked: {
    names: string[];
    author: string[];
    source: string | null;
  }): Promise<Pick<Knowledge, 'lookalikes' | 'contacted' | 'settled' | 'source_class'>>;
}

/** A name and those above it, down to the one below the public suffix. */
function andAbove(name: string): string[] {
  const top = organizationalDomain(name);
  const names = [name];
  let at = name;
  while (at !== top && at.includes('.')) {
    at = at.slice(at.indexOf('.') + 1);
    names.push(at);
  }
  return names;
}

/** Why it is not known whether an aligned mechanism passes: a sentence. */
const unanswered = ({ spf, dkim }: Results) => [...dkim, spf].find((one) => one.aligned && one.result === 'temperror')!.why;

/** Domains that are looked up for one mail. */
const MOST_NAMES = 50;

/**
 * Verifies a mail and tries the rules. Never throws for what a mail holds; a store that does not answer makes
 * it unjudged.
 * @throws TransientError `store_busy`
 */
export async function screenMail(arrival: Arrival, { settings, dns, own, about }: Means): Promise<Screening> {
  const { message, ip, helo, mail_from, at } = arrival;
  const { authors } = message;
  const failed = (error: unknown) => {
    if (codeOf(error) === 'store_busy') throw error;
    return `The store did not answer: ${messageOf(error)}`;
  };
  const names = await own().catch(failed);
  const results = await verifyMail(
    { raw: message.raw, header: message.header, authors, bodies: message.bodies, ip, helo, mailFrom: mail_from, at },
    {
      dns: dns.others,
      own: { dns: dns.own, names: typeof names === 'string' ? [] : names.own },
      receiver: settings.authservId,
      trustedSealers: settings.trustedSealers,
    },
  );
  const unjudged = (why: string): Screening => ({ outcome: 'unjudged', results, decided: null, dry: [], why, known: null });
  if (typeof names === 'string') return unjudged(names);
  const asked = {
    names: [...new Set(authors.domains.slice(0, MOST_NAMES).flatMap(andAbove))],
    author: authors.author === null ? [] : andAbove(authors.author.domain),
    source: results.source,
  };
  const stored = await about(asked).catch(failed);
  if (typeof stored === 'string') return unjudged(stored);
  const known = { ...names, ...stored };
  const { decided, dry, unsure } = applyRules(settings.rules, { authors, results, known, sealers: settings.trustedSealers });
  if (unsure) return { ...unjudged(`Nobody could say whether the author is proven. ${unanswered(results)}`), dry, known };
  return { outcome: decided?.rule.do ?? 'accept', results, decided, dry, why: null, known };
}
