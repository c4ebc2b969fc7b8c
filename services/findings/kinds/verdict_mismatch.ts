import { z } from 'zod';
import { counted, number, percent, short } from '../../shared/format.ts';
import { reporterName } from '../sentences/reporter-name.ts';
import { kind } from './kind.ts';

const facts = z.object({ rule: z.literal('verdict_mismatch') });

export const verdictMismatch = kind(
  facts,
  { name: 'A reporter contradicts itself', byReporter: true },
  ({ domain: full, subject, evidence }) => {
    const { messages, of, since } = evidence;
    const name = short(reporterName(subject, evidence), 60);
    return {
      title: `${name} contradicts itself on ${short(full)}`,
      topic: `verdicts of ${name} on ${short(full)}`,
      summary: `The verdicts of ${name} on ${short(full)} have contradicted its own results since ${since}: ${counted(messages, 'message')}`,
      what: `For ${number(messages)} of ${counted(of, 'message')} that ${name} reports, its verdict contradicts the authentication results in the same record (${percent(messages / of)}).`,
      advice: [
        'Classes and findings rest on the results, not on the verdicts, so nothing else here is affected.',
        `Check what ${name} did with this mail (the query of the finding shows it): if it refused rightful mail, send one of the records to its postmaster.`,
      ],
    };
  },
);
