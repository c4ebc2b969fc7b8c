import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { selectorIn } from './checked.ts';
import { kind, seenOn } from './kind.ts';
import { senderInLogs, WHY_ADVICE, workloadWords } from './sender_in_logs.ts';

const facts = z.object({
  rule: z.literal('key_not_published'),
  /** `selector._domainkey.domain` */
  name: z.string(),
  /** Why receivers do not find it: no record, or one with an empty p= (RFC 6376 section 3.6.1). */
  state: z.enum(['absent', 'revoked']),
  /** The first and the last message signed with it, and when DNS was last asked: YYYY-MM-DD HH:MM, UTC. */
  first_at: z.string(),
  last_at: z.string(),
  asked_at: z.string(),
  /** Who signs with it, those with the most messages first, and how many there are. */
  signers: z.array(senderInLogs.extend({ messages: z.number() })),
  signers_in_all: z.number(),
});

const NAMED = 3;

export const keyNotPublished = kind(
  facts,
  { name: 'Signing with an unpublished key', ofLogs: true },
  ({ domain: full, evidence: { messages } }, given) => {
    const domain = short(full);
    const [first, ...others] = given.signers;
    const title = `DKIM key ${selectorIn(given.name)} of ${domain} is in use but not in DNS`;
    const who = first === undefined ? 'A workload' : workloadWords(first);
    const more = others.slice(0, NAMED - 1).map((one) => short(one.workload, 40));
    const rest = given.signers_in_all - 1;
    const beside = rest <= 0 ? '' : more.length === 0 ? ` and ${counted(rest, 'other')}` : ` and ${list(more, NAMED, rest)}`;
    return {
      title,
      topic: `unpublished DKIM key ${selectorIn(given.name)} of ${domain}`,
      summary: `${title}; used since ${given.first_at} UTC`,
      what: `${who}${beside} signed ${counted(messages, 'message')} with the key at ${short(given.name)} since ${given.first_at} UTC, and DNS answered at ${given.asked_at} UTC ${given.state === 'absent' ? 'that there is none' : 'with an empty key (p=), which revokes it'}: none of these signatures passes.`,
      advice: [
        `Publish the key at ${short(given.name)}, or have the signer use the selector that is published.`,
        'In a rotation, publish first, wait for the longest TTL, and switch the signer then.',
        seenOn('dns_history', `What was published, and when it changed: "ruawatch dns history ${domain}".`),
        WHY_ADVICE,
      ],
      expected: 'a planned change',
    };
  },
);
