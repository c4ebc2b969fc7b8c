import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { PASSED_BY } from './denied_source.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('new_source'),
  /** By what its mail passes. */
  by: z.enum(['spf', 'dkim', 'both']),
  /** The name of the mail service; null when the catalogue does not know it. */
  service: z.string().nullable(),
  /** The foreign domain that signs most of it as well. */
  signer: z.string().nullable(),
});

export const newSource = kind(facts, ({ domain: full, subject, evidence }, { by, service, signer }) => {
  const domain = short(full);
  const source = short(subject);
  const name = service === null ? source : `${source} (${service})`;
  const title = `New source ${name} sends as ${domain} and passes DMARC ${PASSED_BY[by]}`;
  return {
    title: `New source ${source} passes as ${domain}`,
    topic: `new source ${source} of ${domain}`,
    summary: `${title}: ${counted(evidence.messages, 'message')} since ${evidence.since}`,
    what: `${counted(evidence.messages, 'message')} from ${name} in the name of ${domain} passed DMARC ${PASSED_BY[by]}; it was never seen before ${evidence.since}${signer === null ? '' : `. It also signs with d=${short(signer)}`}.`,
    advice: [
      `If you have started to use ${service ?? source}, approve it: ruawatch senders approve ${domain} ${source}.`,
      by === 'spf'
        ? `If not, somebody is sending from a network that your SPF record allows: find the include or range that admits ${source}, and who else may send from there.`
        : `If not, somebody holds a DKIM key or an account that may sign as ${domain}: withdraw the selector it signs with, and the account.`,
    ],
  };
});
