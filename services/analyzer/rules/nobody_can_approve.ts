import { withoutMail } from '../../findings/figures.ts';
import { dayOf } from '../../shared/days.ts';
import { stuckQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { openOf } from '../window.ts';
import type { InstallationRule } from './rule.ts';
import { EVERYTHING } from './unreadable_reports.ts';

const KIND = 'nobody_can_approve';
const MOST_NAMED = 10;

/**
 * Pending requests that too few people are left for, since somebody left a group: the settings refuse rules that nobody can
 * meet, and opening refuses them too, so that this comes after both.
 */
export const nobodyCanApprove: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['medium'],
  tested: false,
  find({ today, stuck, known }): Candidate[] {
    if (stuck.length === 0) return [];
    const open = openOf(known, KIND, EVERYTHING);
    const since = open?.evidence.since ?? dayOf(stuck[0]!.since);
    const requests = stuck.slice(0, MOST_NAMED).map(({ request_key: key, domain, groups }) => ({ key, domain, groups }));
    return [
      {
        kind: KIND,
        subject: EVERYTHING,
        severity: 'medium',
        confidence: 1,
        first_day: open?.first_day ?? since,
        last_day: today,
        evidence: {
          ...withoutMail(since, today),
          reporters: [],
          facts: { rule: KIND, requests, in_all: stuck.length },
          query: stuckQuery(),
        },
      },
    ];
  },
  over: (_, { stuck }) => (stuck.length === 0 ? { reason: 'decidable_again' } : null),
};
