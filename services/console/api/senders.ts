import { z } from 'zod';
import { why } from '../actions/findings.ts';
import { decideSource } from '../actions/senders.ts';
import { moment } from '../given.ts';
import { words } from '../page-words/en.ts';
import type { AnyRoute } from '../routes.ts';
import { Refusal } from '../routes.ts';
import { domainName } from './parameters.ts';
import { apiRoute } from './route.ts';

const decide = apiRoute({
  method: 'POST',
  path: '/domains/:domain/senders',
  id: 'decideSender',
  summary: 'Approves or denies a source as a sender of the domain, or ends the entry about it.',
  token: 'act',
  scope: 'domain',
  params: z.object({ domain: domainName }),
  body: z.object({
    source: z.string().min(1).max(500),
    decision: z.enum(['approve', 'deny', 'end']),
    why,
    until: moment.nullable().default(null),
    basis: z
      .string()
      .max(100)
      .regex(/^\d+e?(?:\+\d+e?){0,3}$/)
      .optional()
      .describe(
        'The keys of the newest entries that were seen (entry_key) about the source, about its mail service, and about either for all domains, each with an e where it had ended, the newest first and joined by +: 9+5e; 0: none. Where they are others now, nothing is done (409, decided_meanwhile).',
      ),
  }),
  answer: z.object({ domain: z.string(), source: z.string(), decision: z.enum(['approve', 'deny', 'end']) }),
  async handle({ db, reader, params: { domain }, body, visitor, clock, config }) {
    const now = clock.now();
    const { rules } = config.approvals;
    const { source, decision, until, basis } = body;
    if (until !== null && until <= now)
      throw new Refusal(400, 'wrong_parameter', words.problems.wrong_parameter('until', words.problems.past));
    await decideSource({ db, reader, visitor: visitor!, now, rules }, { domain, source, decision, why: body.why, until, basis });
    return { domain, source, decision };
  },
});

export const SENDER_API: AnyRoute[] = [decide];
