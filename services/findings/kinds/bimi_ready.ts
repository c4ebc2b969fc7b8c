import { z } from 'zod';
import { short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const facts = z.object({
  rule: z.literal('bimi_ready'),
  /** The DMARC policy that is published. */
  policy: z.enum(['quarantine', 'reject']),
  /** The first of the days looked at; absent in rows of older versions, whose `since` it was. */
  from: z.string().optional(),
});

export const bimiReady = kind(
  facts,
  { name: 'Ready for a logo', counts: 'touched' },
  ({ domain: full, evidence: { since, last_day } }, { policy, from }) => {
    const domain = short(full);
    return {
      title: `${domain} may show its logo in mailboxes (BIMI)`,
      topic: `BIMI of ${domain}`,
      summary: `${domain} may show its logo in mailboxes: DMARC is at p=${policy}, and there is no BIMI record`,
      what: `DMARC of ${domain} is enforced (p=${policy}), and from ${from ?? since} to ${last_day} its own mail passed. Mailbox providers show the logo of such a domain.`,
      advice: [
        'If you want that, have the logo as SVG Tiny PS, and a mark certificate for it (VMC or CMC): Gmail and Apple Mail show it only with one.',
        `Publish both at default._bimi.${domain}: v=BIMI1; l=(address of the logo); a=(address of the certificate).`,
        seenOn(
          'dns_check',
          `If you do not, publish v=BIMI1; l=; a=; which says so and ends this. What is published is checked by "ruawatch dns check ${domain}".`,
        ),
      ],
    };
  },
);
