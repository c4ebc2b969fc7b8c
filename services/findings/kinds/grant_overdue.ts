import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('grant_overdue'),
  /**
   * Rights that are over, or that no grant is for, and may still be at their targets: the oldest first, and
   * how many there are in all.
   */
  grants: z.array(
    z.object({
      /** Null of a right that no grant is for. */
      key: z.number().nullable(),
      holder: z.string().nullable(),
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

export const grantOverdue = kind(facts, { name: 'A right outlives its end' }, ({ evidence: { since } }, { grants, in_all }) => {
  const [first] = grants;
  const stray = grants.some(({ key }) => key === null);
  const title =
    in_all === 1 && first !== undefined
      ? `${first.key === null ? 'A right that no grant is for' : `Grant ${first.key}`} could not be ended at ${short(first.server, 40)}`
      : `${counted(in_all, stray ? 'right' : 'grant')} could not be ended at their targets`;
  const shown = grants.slice(0, NAMED);
  const named = shown.flatMap(({ key, holder, name }) =>
    key === null ? [] : [`grant ${key} of ${short(holder ?? '', 60)} (${short(name, 63)})`],
  );
  const unknown = shown.flatMap(({ key, server, name }) => (key === null ? [`${short(name, 63)} at ${short(server, 40)}`] : []));
  const more = in_all - shown.length;
  const others = more > 0 && !stray ? ` and ${counted(more, 'more grant')}` : '';
  const rest = more > 0 && stray ? `${counted(more, 'more right')} could not be ended either. ` : '';
  const over =
    named.length === 0
      ? ''
      : `The time of ${list(named)}${others} is over, and the target has not confirmed that the right is gone: it may still be used. `;
  const nobodys =
    unknown.length === 0
      ? ''
      : `No grant is for ${list(unknown)}, which ${unknown.length === 1 ? 'has' : 'have'} the mark of this installation: somebody else made ${unknown.length === 1 ? 'it' : 'them'}, or the database was restored. `;
  return {
    title,
    topic: 'grants that could not be ended',
    summary: `${title}, since ${since}`,
    what: `${over}${nobodys}${rest}${first?.answer == null ? 'Nothing has tried to end it: the applier does not run.' : ended(first.answer)}`,
    advice: [
      'See to it that the applier runs and reaches the target; it tries on by itself.',
      'A target that is gone for good: end the right there by its name by hand.',
      ...(stray
        ? ['What somebody else made may take more rights than the applier has: look who made it, and end it there by hand.']
        : []),
    ],
  };
});
