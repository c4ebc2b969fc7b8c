import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { kind } from './kind.ts';
import { networksOf } from './networks.ts';

const facts = z.object({ rule: z.literal('unconfirmed_report') });

export const unconfirmedReport = kind(facts, { name: 'Not confirmed', ofReporter: true, unproven: true }, (told) => {
  const { messages, since, reporters, resting_on = [] } = told.evidence;
  const domain = short(told.domain);
  // Rows without their standing name the reporters all the same.
  const heard = resting_on.length > 0 ? resting_on.map(({ reporter }) => reporter) : reporters;
  const names = list(
    heard.map((key) => short(reporterName(key, told.evidence), 60)),
    3,
    reporters.length,
  );
  const standings = [...new Set(resting_on.map(({ standing }) => standing))].sort();
  const one = reporters.length === 1;
  const title = `Only ${names} ${one ? 'reports' : 'report'} unauthenticated mail as ${domain}`;
  return {
    title: `Unconfirmed: unauthenticated mail as ${domain}`,
    topic: `unconfirmed forgery of ${domain}`,
    summary: `${title}: ${counted(messages, 'message')} since ${since}`,
    what: `${counted(messages, 'message')} in the name of ${domain} from ${networksOf(told)} passed neither SPF nor DKIM for any domain. This rests on the word of ${names} alone${standings.length === 0 ? '' : `, whose standing is ${list(standings)}`}.`,
    advice: [
      'Nothing else rests on it: classes, other findings and readiness follow from the reporters whose word counts, and those report nothing of the kind.',
      `Find out who ${one ? `${names} is` : 'they are'}: a receiver that you know to be genuine may well see mail that nobody else does.`,
    ],
  };
});
