import { z } from 'zod';
import { counted, list, number, short } from '../../shared/format.ts';
import { kind } from './kind.ts';
import { senderInLogs, WHY_ADVICE, workloadWords } from './sender_in_logs.ts';

const facts = z.object({
  rule: z.literal('verify_failed'),
  sender: senderInLogs,
  /** `selector._domainkey.domain` */
  name: z.string(),
  first_at: z.string(),
  last_at: z.string(),
  /**
   * Messages that our own verifier (OpenDKIM, OpenDMARC, rspamd) found wrong, of how many that it checked.
   */
  failed: z.number(),
  verified: z.number(),
  /** Signed messages that receivers refused with words about DMARC or DKIM. */
  refused: z.number(),
  /** The receivers that did, the largest first, and what one of them said. */
  receivers: z.array(z.string()),
  words: z.string().nullable(),
});

const NAMED = 3;
const LONGEST_WORDS = 160;

export const verifyFailed = kind(
  facts,
  { name: 'Own signatures do not verify', ofLogs: true },
  ({ domain: full, subject }, given) => {
    const domain = short(full);
    const title = `Signatures of ${short(subject, 90)} as ${domain} do not verify`;
    const own =
      given.failed === 0 ? '' : ` Our own verifier found ${number(given.failed)} of ${counted(given.verified, 'message')} wrong.`;
    const by = list(
      given.receivers.map((name) => short(name, 60)),
      NAMED,
    );
    const refused =
      given.refused === 0
        ? ''
        : ` Receivers refused ${counted(given.refused, 'signed message')} for it${by === '' ? '' : ` (${by})`}.`;
    const words = given.words === null ? '' : ` One said: "${short(given.words, LONGEST_WORDS)}".`;
    return {
      title,
      topic: `wrong signatures of ${short(subject, 90)} as ${domain}`,
      summary: `${title} since ${given.first_at} UTC`,
      what: `${workloadWords(given.sender)} signs with the key at ${short(given.name)}, and since ${given.first_at} UTC these signatures have not verified.${own}${refused}${words}`,
      advice: [
        'Compare the private key of the signer with the record in DNS: after a rotation one of them is often the old one ("ruawatch guard check FILE" signs a sample and verifies it).',
        'If the key is right, look for what changes the mail after it was signed: a footer, a content filter, a relay that rewrites headers or lines.',
        WHY_ADVICE,
      ],
      expected: 'a planned change',
    };
  },
);
