import { z } from 'zod';
import { counted, percent, short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('new_host'),
  /** A confirmed reverse name of its addresses. */
  host: z.string().nullable(),
});

export const newHost = kind(
  facts,
  { name: null, mail: 'rightful', partOf: 'domain' },
  ({ domain: full, subject, evidence }, { host }) => {
    const domain = short(full);
    const source = short(subject);
    const name = host === null ? source : short(host);
    const at = host === null ? source : `${name} (${source})`;
    // A name below the domain names it.
    const as = host === null ? ` as ${domain}` : '';
    const { messages, since, share } = evidence;
    const title = `New host ${name} passes SPF${as} unsigned`;
    return {
      title,
      topic: `new host ${name} with unsigned mail${as}`,
      summary: `${title}: ${counted(messages, 'message')} since ${since} from ${source}`,
      what: `${counted(messages, 'message')} in the name of ${domain} came from ${at} without a DKIM signature, ${percent(share)} of all mail since ${since}. It never sent before, and your other servers sign their mail. It passes DMARC by SPF alone, as the SPF record allows its address.`,
      advice: [
        `Ask whoever runs ${name} what sends mail there since ${since}: a web form or shop that nobody remembers, or one that was broken into.`,
        `If nobody knows, take the machine off the network, look at its mail queue and web logs, and take its address out of the SPF record of ${domain} (an "a" or "mx" term may name it).`,
        seenOn('senders', `If it is yours, send its mail through a server that signs, and approve it.`),
      ],
      senders: [
        { verdict: 'approve', source: subject, when: 'If it is yours', why: 'our host' },
        { verdict: 'deny', source: subject, when: 'If it is not to send', why: 'not to send' },
      ],
    };
  },
);
