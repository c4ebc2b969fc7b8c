import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('grant_overdue'),
  /** Rights that are over and whose targets have not confirmed it: the oldest first, and how many there are in all. */
  grants: z.array(
    z.object({
      key: z.number(),
      holder: z.string(),
      server: z.string(),
      name: z.string(),
      /** What the target answered last; null when nothing has tried yet. */
      answer: z.string().nullable(),
    }),
  ),
  in_all: z.number(),
});

const NAMED = 3;

/** An answer as a sentence. */
const ended = (answer: string): string => (/[.!?]$/.test(answer) ? answer : `${answer}.`);

export const grantOverdue = kind(facts, ({ evidence: { since } }, { grants, in_all }) => {
  const [first] = grants;
  const title =
    in_all === 1 && first !== undefined
      ? `Grant ${first.key} could not be ended at ${short(first.server, 40)}`
      : `${counted(in_all, 'grant')} could not be ended at their targets`;
  const named = grants
    .slice(0, NAMED)
    .map(({ key, holder, name }) => `grant ${key} of ${short(holder, 60)} (${short(name, 63)})`);
  const more = in_all - named.length;
  return {
    title,
    topic: 'grants that could not be ended',
    summary: `${title}, since ${since}`,
    what: `The time of ${list(named)}${more > 0 ? ` and ${counted(more, 'more grant')}` : ''} is over, and the target has not confirmed that the right is gone: it may still be used. ${first?.answer == null ? 'Nothing has tried to end it: the applier does not run.' : ended(first.answer)}`,
    advice: [
      'See to it that the applier runs and reaches the target; it tries on by itself.',
      'A target that is gone for good: end the right there by its name by hand.',
    ],
  };
});
