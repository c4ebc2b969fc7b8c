import { withoutMail } from '../findings/figures.ts';
import { dayOf } from '../shared/days.ts';
import type { Candidate } from '../store/findings/findings.ts';
import type { InstallationRule } from './rules/rule.ts';
import { EVERYTHING } from './rules/unreadable_reports.ts';
import { openOf } from './rules/window.ts';

/** The most that a finding names of what waits for somebody. */
export const MOST_NAMED = 10;

/**
 * The finding about all that waits for somebody at this moment, rather than about a domain's mail.
 * @param oldest since when the oldest of it waits
 */
export function ofInstallation(
  { today, known }: Pick<Parameters<InstallationRule['find']>[0], 'today' | 'known'>,
  oldest: Date,
  { severity, facts, query }: Pick<Candidate, 'severity'> & Required<Pick<Candidate['evidence'], 'facts' | 'query'>>,
): Candidate {
  const kind = facts!.rule as Candidate['kind'];
  const open = openOf(known, kind, EVERYTHING);
  const since = open?.evidence.since ?? dayOf(oldest);
  return {
    kind,
    subject: EVERYTHING,
    severity,
    confidence: 1,
    first_day: open?.first_day ?? since,
    last_day: today,
    evidence: { ...withoutMail(since, today), reporters: [], facts, query },
  };
}
