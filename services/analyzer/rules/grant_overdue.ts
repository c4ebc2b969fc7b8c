import { withoutMail } from '../../findings/figures.ts';
import { dayOf } from '../../shared/days.ts';
import { overdueQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { openOf } from '../window.ts';
import type { InstallationRule } from './rule.ts';
import { EVERYTHING } from './unreadable_reports.ts';

const KIND = 'grant_overdue';
const MOST_NAMED = 10;

/** Rights that are over and that their targets may still have: the applier tries on, and somebody has to look at the target. */
export const grantOverdue: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['high'],
  tested: false,
  find({ today, overdue, known }): Candidate[] {
    if (overdue.length === 0) return [];
    const open = openOf(known, KIND, EVERYTHING);
    const since = open?.evidence.since ?? dayOf(overdue[0]!.since);
    const grants = overdue
      .slice(0, MOST_NAMED)
      .map(({ grant_key: key, holder, server, name, answer }) => ({ key, holder, server, name, answer }));
    return [
      {
        kind: KIND,
        subject: EVERYTHING,
        severity: 'high',
        confidence: 1,
        first_day: open?.first_day ?? since,
        last_day: today,
        evidence: {
          ...withoutMail(since, today),
          reporters: [],
          facts: { rule: KIND, grants, in_all: overdue.length },
          query: overdueQuery(),
        },
      },
    ];
  },
  over: (_, { overdue }) => (overdue.length === 0 ? { reason: 'grants_ended' } : null),
};
