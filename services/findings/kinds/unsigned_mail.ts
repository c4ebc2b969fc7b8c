import { z } from 'zod';
import { counted, list, number, percent, short } from '../../shared/format.ts';
import { kind } from './kind.ts';
import { senderInLogs, WHY_ADVICE, workloadWords } from './sender_in_logs.ts';

const facts = z.object({
  rule: z.literal('unsigned_mail'),
  sender: senderInLogs,
  /** all: nothing was signed after the first unsigned message; part: signed mail goes on beside it. */
  extent: z.enum(['all', 'part']),
  /** The first and the last unsigned message, and the last signed one: YYYY-MM-DD HH:MM, UTC. */
  first_at: z.string(),
  last_at: z.string(),
  last_signed_at: z.string().nullable(),
  /** `selector._domainkey.domain` of the keys that it signed with. */
  keys: z.array(z.string()),
  /** mail-guard.yaml declares that it signs. */
  declared: z.boolean(),
});

/** Keys that are named. */
const NAMED = 3;

export const unsignedMail = kind(
  facts,
  { name: 'Unsigned mail', ofLogs: true },
  ({ domain: full, subject, evidence: { messages, of, share } }, given) => {
    const domain = short(full);
    const title = `${short(subject, 90)} sends unsigned mail as ${domain}`;
    const all = given.extent === 'all';
    const amount = all ? counted(messages, 'message') : `${number(messages)} of ${counted(of, 'message')} (${percent(share)})`;
    const before =
      given.last_signed_at === null
        ? given.declared
          ? ' mail-guard.yaml declares that it signs, and the logs show no signed message.'
          : ''
        : all
          ? ` Its last signed message was sent at ${given.last_signed_at} UTC.`
          : ` It also sends signed mail, the last at ${given.last_signed_at} UTC.`;
    const keys = list(
      given.keys.map((name) => short(name)),
      NAMED,
    );
    return {
      title,
      topic: `unsigned mail of ${short(subject, 90)} as ${domain}`,
      summary: `${title} since ${given.first_at} UTC`,
      what: `${workloadWords(given.sender)} sent ${amount} as ${domain} to the outside without a signature of the domain since ${given.first_at} UTC, the last at ${given.last_at} UTC.${before}${given.keys.length === 0 ? '' : ` It signed with ${keys}.`}`,
      advice: [
        all
          ? 'See whether the signer runs and is reached: the milter or sidecar of this workload, its key file, and the domain in its tables (OpenDKIM: SigningTable, KeyTable and InternalHosts).'
          : 'See which of its pods, hosts or message paths bypass the signer.',
        'If its mail is signed after all, the lines of its signer do not reach the collector: connect them.',
        'Unsigned mail passes DMARC by SPF alone: it fails where it is forwarded, and everywhere if the egress is not in the SPF record.',
        WHY_ADVICE,
      ],
      expected: 'a planned change',
    };
  },
);
