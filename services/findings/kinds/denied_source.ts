import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('denied_source'),
  /** By what its mail passes. */
  by: z.enum(['spf', 'dkim', 'both']),
  /** The name of the mail service; null when the catalogue does not know it. */
  service: z.string().nullable(),
  /** Who denied it, on which day, and why. */
  denied: z.object({ by: z.string(), on: z.string(), why: z.string() }),
});

export const PASSED_BY = { spf: 'by SPF alone', dkim: 'by DKIM alone', both: 'by SPF and DKIM' };

export const deniedSource = kind(facts, ({ domain: full, subject, evidence }, { by, service, denied }) => {
  const domain = short(full);
  const source = short(subject);
  const name = service === null ? source : `${source} (${service})`;
  const title = `${name} is denied but still sends as ${domain} and passes DMARC ${PASSED_BY[by]}`;
  return {
    title: `Denied ${name} still passes as ${domain}`,
    topic: `mail of denied ${name} as ${domain}`,
    summary: `${title}: ${counted(evidence.messages, 'message')} since ${evidence.since}`,
    what: `${counted(evidence.messages, 'message')} from ${name} in the name of ${domain} passed DMARC ${PASSED_BY[by]}, although ${short(denied.by, 40)} denied it on ${denied.on} (${short(denied.why)}).`,
    advice: [
      ...(by === 'spf'
        ? []
        : [
            `Withdraw what lets it sign: the key of the selector it uses, under _domainkey.${domain}, and the account at ${service ?? source}. (If it only forwards mail of your other senders, it needs no denial.)`,
          ]),
      ...(by === 'dkim'
        ? []
        : [`Remove what admits ${source} from the SPF record of its return path, and close the account it sends through.`]),
    ],
    senders: [{ verdict: 'approve', source: subject, when: 'If it may send after all', why: 'may send after all' }],
  };
});
