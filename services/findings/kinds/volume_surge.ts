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
  /** Why it is no surprise; null: it is one. */
  season: z
    .discriminatedUnion('why', [
      z.object({ why: z.literal('recurring'), day: z.string(), messages: z.number() }),
      z.object({ why: z.literal('calendar') }),
      z.object({ why: z.literal('campaign') }),
    ])
    .nullable()
    .default(null),
});
type Season = z.output<typeof facts>['season'];

/** Why it is for information only. */
function seasonWords(season: Season): string {
  if (season === null) return '';
  if (season.why === 'recurring') return ` It sent as much before: ${counted(season.messages, 'message')} on ${season.day}.`;
  return season.why === 'calendar'
    ? ' Its networks, receivers and days of the week are the usual ones, and many send more at this time of the month or year.'
    : ' Its networks and receivers are the usual ones of a service for campaigns.';
}

export const volumeSurge = kind(facts, ({ domain: full, subject, evidence }, { times, days, expected, season }) => {
  const domain = short(full);
  const source = short(subject);
  const often = times >= 10 ? 'over 10' : number(Math.round(times));
  const title = `${source} has sent ${often} times its usual mail as ${domain} since ${evidence.since}`;
  return {
    title: `${source} sends ${often}× its usual as ${domain}`,
    topic: `surge of ${source} as ${domain}`,
    summary: `${title}: ${counted(evidence.messages, 'message')} on ${counted(days, 'day')}`,
    what: `${counted(evidence.messages, 'message')} from ${source} in the name of ${domain} on ${counted(days, 'day')}, against about ${number(Math.round(expected))} expected from the reporters that have reported.${seasonWords(season)}`,
    advice: [
      `Ask whoever sends through ${source} whether this was intended: a campaign needs no action.`,
      'If nobody knows of it, somebody else is using an account or a host: check its mail queue and its logins.',
    ],
  };
});
