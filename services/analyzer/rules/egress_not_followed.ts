import type { Candidate } from '../../store/findings/findings.ts';
import { egressQuery } from '../../store/findings/kind-queries.ts';
import { MOST_NAMED, ofInstallation } from '../installation-finding.ts';
import type { InstallationRule } from './rule.ts';

const KIND = 'egress_not_followed';
/**
 * While these alone are in the way, the addresses are not known, or stay admitted: mail does not fail for it.
 */
const MILD = new Set(['unknown', 'loss']);

/**
 * SPF records that do not follow the addresses of their cluster, for a reason that does not pass by itself.
 */
export const egressNotFollowed: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['medium', 'high'],
  tested: false,
  find({ today, behind, known }): Candidate[] {
    const [first] = behind;
    if (first === undefined) return [];
    const records = behind.slice(0, MOST_NAMED).map(({ name, domain, problems }) => ({
      name,
      domain,
      problems: problems.map(({ code, message }) => ({ code, message })),
    }));
    const facts = { rule: KIND, records, in_all: behind.length } as const;
    const mild = behind.every(({ problems }) => problems.every(({ code }) => MILD.has(code)));
    const severity = mild ? 'medium' : 'high';
    return [ofInstallation({ today, known }, first.since, { severity, facts, query: egressQuery() })];
  },
  over: (_, { behind }) => (behind.length === 0 ? { reason: 'egress_followed' } : null),
};
