import type { Candidate } from '../../store/findings/findings.ts';
import { overdueQuery } from '../../store/findings/kind-queries.ts';
import { MOST_NAMED, ofInstallation } from '../installation-finding.ts';
import type { InstallationRule } from './rule.ts';

const KIND = 'grant_overdue';

/**
 * Rights that are over and that their targets may still have: the applier tries on, and somebody has to look
 * at the target.
 */
export const grantOverdue: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['high'],
  tested: false,
  find({ today, overdue, known }): Candidate[] {
    if (overdue.length === 0) return [];
    const grants = overdue
      .slice(0, MOST_NAMED)
      .map(({ grant_key: key, holder, server, name, answer }) => ({ key, holder, server, name, answer }));
    const facts = { rule: KIND, grants, in_all: overdue.length } as const;
    return [ofInstallation({ today, known }, overdue[0]!.since, { severity: 'high', facts, query: overdueQuery() })];
  },
  over: (_, { overdue }) => (overdue.length === 0 ? { reason: 'grants_ended' } : null),
};
