import type { Candidate } from '../../store/findings/findings.ts';
import { stuckQuery } from '../../store/findings/kind-queries.ts';
import { MOST_NAMED, ofInstallation } from '../installation-finding.ts';
import type { InstallationRule } from './rule.ts';

const KIND = 'nobody_can_approve';

/**
 * Pending requests that too few people are left for, since somebody left a group: the settings refuse rules
 * that nobody can meet, and opening refuses them too, so that this comes after both.
 */
export const nobodyCanApprove: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['medium'],
  tested: false,
  find({ today, stuck, known }): Candidate[] {
    if (stuck.length === 0) return [];
    const requests = stuck.slice(0, MOST_NAMED).map(({ request_key: key, domain, groups }) => ({ key, domain, groups }));
    const facts = { rule: KIND, requests, in_all: stuck.length } as const;
    return [ofInstallation({ today, known }, stuck[0]!.since, { severity: 'medium', facts, query: stuckQuery() })];
  },
  over: (_, { stuck }) => (stuck.length === 0 ? { reason: 'decidable_again' } : null),
};
