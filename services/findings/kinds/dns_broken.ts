import { z } from 'zod';
import { counted, number, percent, short } from '../../shared/format.ts';
import { type Advice, kind, seenOn, type Told } from './kind.ts';

/** The facts of every record that was lost. */
export const lostRecord = {
  /** The name of the record. */
  name: z.string(),
  /** "2026-11-20 14:02", in UTC: when it was first seen so. */
  at: z.string(),
  /** The record before, and what is published now; null when there is nothing. */
  before: z.string(),
  now: z.string().nullable(),
  /** Of SPF, the terms that were lost; of a policy, what changed: "p=reject → p=none". */
  terms: z.array(z.string()),
  /** The senders that rest on it: messages a day, and the part that passes by this alone, 0 to 1. */
  rests: z.array(z.object({ name: z.string(), per_day: z.number(), alone: z.number() })),
  rests_in_all: z.number(),
  /** The mail that reports show to fail since. */
  seen: z.object({ messages: z.number(), since: z.string() }).nullish(),
};

const facts = z.object({
  rule: z.literal('dns_broken'),
  loss: z.enum(['spf_terms', 'spf_gone', 'spf_several', 'key_gone', 'key_revoked', 'dmarc_gone', 'dmarc_weaker']),
  ...lostRecord,
});
type BrokenFacts = z.output<typeof facts>;
type Rests = Pick<BrokenFacts, 'rests' | 'rests_in_all'> & { loss: string };

/** Terms and senders that a sentence names. */
const TERMS = 3;
const SENDERS = 3;

export const dnsBroken = kind(facts, { name: 'A DNS record is broken', ofRecord: true, stopsMail: true }, (told, given) => {
  const { title, topic } = titleOf(told, given);
  const summary = `${title}; first seen ${given.at} UTC`;
  const seen = given.seen
    ? ` Reports show ${counted(given.seen.messages, 'message')} that failed since ${given.seen.since}.`
    : '';
  return {
    title,
    topic,
    summary,
    what: `${happened(told, given)} at ${given.at} UTC.${restsOn(given)}${seen}`,
    advice: adviceOf(told, given),
    expected: 'a planned change',
  };
});

function titleOf({ domain: full }: Told, { loss, name, terms }: BrokenFacts): { title: string; topic: string } {
  const domain = short(full);
  const key = short(name.slice(0, name.indexOf('._domainkey.')), 40);
  switch (loss) {
    case 'spf_terms': {
      const lost = terms.length === 1 ? short(terms[0]!, 60) : counted(terms.length, 'term');
      return { title: `SPF of ${domain} lost ${lost}`, topic: `SPF of ${domain}` };
    }
    case 'spf_gone':
      return { title: `The SPF record of ${domain} is gone`, topic: `SPF record of ${domain}` };
    case 'spf_several':
      return { title: `${domain} has two SPF records, and so none that counts`, topic: `SPF record of ${domain}` };
    case 'key_gone':
      return { title: `DKIM key ${key} of ${domain} is gone from DNS`, topic: `DKIM key ${key} of ${domain}` };
    case 'key_revoked':
      return { title: `DKIM key ${key} of ${domain} was revoked while in use`, topic: `DKIM key ${key} of ${domain}` };
    case 'dmarc_gone':
      return { title: `The DMARC record of ${domain} is gone`, topic: `DMARC record of ${domain}` };
    case 'dmarc_weaker':
      return { title: `DMARC policy of ${domain} was weakened: ${terms.join(', ')}`, topic: `DMARC policy of ${domain}` };
  }
}

function happened({ domain: full }: Told, { loss, name, before, now, terms }: BrokenFacts): string {
  const domain = short(full);
  switch (loss) {
    case 'spf_terms': {
      const more = terms.length - TERMS;
      const lost = terms
        .slice(0, TERMS)
        .map((term) => short(term, 60))
        .join(', ');
      return `The SPF record of ${domain} lost ${lost}${more > 0 ? ` and ${more} more` : ''}`;
    }
    case 'spf_gone':
      return `The SPF record of ${domain} ("${short(before, 120)}") was taken away`;
    case 'spf_several':
      return `A second SPF record ("${short(now ?? '', 120)}") was added to ${domain}, and receivers use neither (RFC 7208 section 4.5); it was first seen`;
    case 'key_gone':
      return `The key at ${short(name)} was taken away`;
    case 'key_revoked':
      return `The key at ${short(name)} was replaced by an empty one (p=), which revokes it,`;
    case 'dmarc_gone':
      return `The DMARC record of ${domain} ("${short(before, 120)}") was ${now === null ? 'taken away' : `replaced by "${short(now, 120)}", which is none,`}`;
    case 'dmarc_weaker':
      return `The DMARC record of ${domain} was changed (${terms.join(', ')})`;
  }
}

/** What the reports say of the mail that rests on a record. */
export function restsOn({ loss, rests, rests_in_all }: Rests): string {
  const by = loss.startsWith('key_') ? 'DKIM' : 'SPF';
  const named = rests.slice(0, SENDERS).map(({ name, per_day, alone }) => {
    const part = alone === 1 ? 'all' : alone === 0 ? 'none' : percent(alone);
    if (per_day >= 1.5) {
      const pass = part === 'none' ? 'passes' : 'pass';
      return `${short(name, 60)} sends ${counted(Math.round(per_day), 'message')} a day, ${part} of which ${pass} by ${by} alone`;
    }
    const few = per_day < 0.75 ? 'less than one message a day' : 'about one message a day';
    return `${short(name, 60)} sends ${few}; ${part} of its mail passes by ${by} alone`;
  });
  if (named.length === 0) return '';
  const more = rests_in_all - named.length;
  return ` ${named.join('; ')}${more > 0 ? `; ${number(more)} more ${more === 1 ? 'sender rests' : 'senders rest'} on it` : ''}.`;
}

function adviceOf({ domain: full }: Told, { loss, name, before, terms }: BrokenFacts): Advice[] {
  const domain = short(full);
  const history = seenOn('dns_history', `Everything that was published, and when it changed: "ruawatch dns history ${domain}".`);
  const back = `If that was not intended, publish it again at ${short(name)}: "${short(before, 300)}".`;
  switch (loss) {
    case 'spf_terms':
      return [
        `If that was not intended, put ${terms
          .slice(0, TERMS)
          .map((term) => short(term, 60))
          .join(' ')} back into the SPF record of ${domain}.`,
        'If it was, let the senders that rest on it sign with DKIM first, or stop using them.',
        history,
      ];
    case 'spf_several':
      return [`Merge the two SPF records of ${domain} into one, and remove the other.`, history];
    case 'spf_gone':
      return [back, history];
    case 'key_gone':
    case 'key_revoked':
      return [
        back,
        'If the key is being replaced, switch signing to the new one first, and withdraw the old one when no mail has passed with it for a week.',
        history,
      ];
    case 'dmarc_gone':
      return [back, 'Until then receivers apply no policy and send no reports.', history];
    case 'dmarc_weaker':
      return [
        `If none of your people changed ${short(name)}, find out who did: whoever can write that record can also redirect the domain's mail.`,
        'If it was intended, set a day to return to the policy before.',
        history,
      ];
  }
}
