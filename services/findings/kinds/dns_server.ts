import { z } from 'zod';
import { short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('dns_server'),
  /** `behind`: it gives an old record; the others: it does not answer for the zone. */
  failure: z.enum(['silent', 'lame', 'no address', 'behind']),
  zone: z.string(),
  /** behind: the name of such a record. */
  name: z.string().nullable(),
});

const DOES = {
  silent: 'does not answer',
  lame: 'does not hold the zone',
  'no address': 'has no address',
  behind: 'gives old records',
};

const HAS = {
  silent: 'has not answered',
  lame: 'has answered without holding the zone',
  'no address': 'has had no address',
};

export const dnsServer = kind(
  facts,
  { name: null },
  ({ domain: full, subject, evidence: { since } }, { failure, zone, name }) => {
    const server = short(subject);
    const domain = short(full);
    // A server below the domain names it.
    const of = subject.endsWith(`.${full}`) ? '' : ` of ${domain}`;
    const title = `Name server ${server}${of} ${DOES[failure]}`;
    const others =
      failure === 'behind'
        ? `Since ${since}, ${server} has answered for ${short(name ?? zone)} otherwise than the other name servers of ${short(zone)}: receivers that ask it use an old record.`
        : `Since ${since}, ${server}, a name server of ${short(zone)}, ${HAS[failure]}, while the others answer: questions that reach it take longer, and have no answer when the others fail.`;
    return {
      title,
      topic: `name server ${server}${of}`,
      summary: `${title} (since ${since})`,
      what: others,
      advice: [
        failure === 'behind'
          ? `Have whoever runs ${server} look at its zone transfers (the serial of its SOA record, its access to the primary).`
          : `Have whoever runs ${server} repair it, or take it out of the NS records of ${short(zone)} and of the zone above.`,
        seenOn('dns_history', `What each server answered: "ruawatch dns history ${domain}".`),
      ],
    };
  },
);
