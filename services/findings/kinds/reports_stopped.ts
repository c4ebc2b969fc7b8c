import { z } from 'zod';
import { short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('reports_stopped'),
  /** What the checks of DNS found; null when they did not say. */
  reason: z.string().nullable(),
});

export const reportsStopped = kind(facts, ({ domain, evidence: { since } }, { reason }) => {
  const name = short(domain);
  return {
    title: `DNS no longer sends you the reports on ${name}`,
    topic: `DNS sends you the reports on ${name} again`,
    summary: `Reports on ${name} are no longer sent to your mailbox: DNS has not asked for them since ${since}`,
    what: `Until ${since}, DNS sent the reports on ${name} to your mailbox; since then, several checks have found: ${short(reason ?? '', 300)}`,
    advice: [
      `If that was not intended: put rua= with your mailbox back into the DMARC record of ${name} (_dmarc.${name}). If the mailbox is at another domain, that domain must also publish "v=DMARC1" at ${name}._report._dmarc below it (RFC 9990 section 4).`,
      `If the reports on ${name} are to go elsewhere: ruawatch domains ignore ${name}. If the mailbox has a new address, add it to the mailbox's addresses: setting.`,
    ],
  };
});
