import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';
import { senderInLogs, WHY_ADVICE, workloadWords } from './sender_in_logs.ts';

const facts = z.object({
  rule: z.literal('unauthorized_workload'),
  sender: senderInLogs,
  /** The name below the domain, or the domain itself, that it sends as. */
  sends_as: z.string(),
  first_at: z.string(),
  last_at: z.string(),
  /** Messages of it with a signature of the domain. */
  signed: z.number(),
  /** Who is declared for the domain, as `environment/workload`; empty where the file declares nobody. */
  declared: z.array(z.string()),
  /** The domains that the workload is declared for in its environment. */
  may: z.array(z.string()),
});

const NAMED = 5;
const names = (all: readonly string[]) =>
  list(
    all.map((name) => short(name, 60)),
    NAMED,
  );

export const unauthorizedWorkload = kind(
  facts,
  { name: 'An undeclared workload sends', ofLogs: true },
  ({ domain: full, subject, evidence: { messages } }, given) => {
    const domain = short(full);
    const title = `${short(subject, 90)} sends as ${domain} and is not declared`;
    const may =
      given.may.length === 0 ? 'It is declared for no domain in its environment.' : `It is declared for ${names(given.may)}.`;
    const declared = given.declared.length === 0 ? '' : ` Declared for ${short(given.sends_as)}: ${names(given.declared)}.`;
    const signed = given.signed === 0 ? '' : ` Of these, ${counted(given.signed, 'message')} had a signature of the domain.`;
    return {
      title,
      topic: `undeclared mail of ${short(subject, 90)} as ${domain}`,
      summary: `${title} since ${given.first_at} UTC`,
      what: `${workloadWords(given.sender)} sent ${counted(messages, 'message')} as ${short(given.sends_as)} since ${given.first_at} UTC, the last at ${given.last_at} UTC, and mail-guard.yaml does not declare it for that. ${may}${declared}${signed}`,
      advice: [
        'Find out who deployed it and why it sends: a new workload, a copied configuration, or somebody who reached the relay.',
        'If it may send, declare it in mail-guard.yaml under the domain, with its egress and selectors.',
        'If it may not, take its way to the relay away: its credentials, its network policy, or the domain in its configuration.',
        WHY_ADVICE,
      ],
      expected: 'a planned change',
    };
  },
);
