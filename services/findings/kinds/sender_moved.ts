import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('sender_moved'),
  /** `moved`: the old one is silent; `migrated`: it sends as much less as the new one sends. */
  how: z.enum(['moved', 'migrated']),
  /** The names of the sender or the networks before and after. */
  from: z.string(),
  to: z.string(),
});

export const senderMoved = kind(facts, { name: 'A sender that moved' }, ({ domain: full, evidence }, { how, from, to }) => {
  const domain = short(full);
  const [before, after] = [short(from, 120), short(to, 120)];
  const title = `Mail of ${domain} moved from ${before} to ${after}`;
  return {
    title,
    topic: `move of ${domain} to ${after}`,
    summary: `${title}: ${counted(evidence.messages, 'message')} since ${evidence.since}`,
    what: `Since ${evidence.since} ${after} has sent ${counted(evidence.messages, 'message')} in the name of ${domain}, all but a few of which passed DMARC. ${how === 'moved' ? `${before} has sent nothing since.` : `${before} has sent about as much less.`}`,
    advice: [
      'If you planned it, no action is needed.',
      `When the move is over, remove what only ${before} needs from your SPF record and its DKIM keys from DNS.`,
    ],
    expected: 'a planned move',
  };
});
