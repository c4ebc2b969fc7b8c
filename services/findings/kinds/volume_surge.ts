import { z } from 'zod';
import { counted, number, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('volume_surge'),
  /** How many times its usual mail it sends. */
  times: z.number(),
  /** Days of the surge, and the messages that were to be expected on them. */
  days: z.number(),
  expected: z.number(),
});

export const volumeSurge = kind(facts, ({ domain: full, subject, evidence }, { times, days, expected }) => {
  const domain = short(full);
  const source = short(subject);
  const often = times >= 10 ? 'over 10' : number(Math.round(times));
  const title = `${source} has sent ${often} times its usual mail as ${domain} since ${evidence.since}`;
  return {
    title: `${source} sends ${often}× its usual as ${domain}`,
    topic: `surge of ${source} as ${domain}`,
    summary: `${title}: ${counted(evidence.messages, 'message')} on ${counted(days, 'day')}`,
    what: `${counted(evidence.messages, 'message')} from ${source} in the name of ${domain} on ${counted(days, 'day')}, against about ${number(Math.round(expected))} expected from the reporters that have reported.`,
    advice: [
      `Ask whoever sends through ${source} whether this was intended: a campaign needs no action.`,
      'If nobody knows of it, somebody else is using an account or a host: check its mail queue and its logins.',
    ],
  };
});
