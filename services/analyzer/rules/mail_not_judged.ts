import { DAY_MS } from '../../shared/days.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { unjudgedQuery } from '../../store/findings/kind-queries.ts';
import { ofInstallation } from '../installation-finding.ts';
import type { MailWindow } from '../mail-window.ts';
import type { InstallationRule } from './rule.ts';

export const MAIL_NOT_JUDGED = 'mail_not_judged';

const HOURS = 24;
/**
 * Mails in the name of own domains that passed unchecked: fewer may be a name server of ours that did not
 * answer in time.
 */
const MANY = 5;

/** From when on mail is looked at: it is over when all of that could be judged. */
export const unjudgedSince = (now: Date): Date => new Date(now.getTime() - DAY_MS);

/**
 * Mail that the milter could not judge. What passed went to its recipients unchecked: medium, and high when
 * much of it is in the name of own domains, since whoever brings that about gets forged mail through. Mail
 * that was asked to come again is only late: low.
 */
export const mailNotJudged = {
  kind: MAIL_NOT_JUDGED,
  scope: 'installation',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find({ today, unjudged, known }: Pick<MailWindow, 'today' | 'unjudged' | 'known'>): Candidate[] {
    if (unjudged === null) return [];
    const { passed, put_off, own, first_at, last_at, reasons } = unjudged;
    const facts = {
      rule: MAIL_NOT_JUDGED,
      passed,
      put_off,
      own,
      last_at: `${last_at.toISOString().slice(0, 16).replace('T', ' ')}`,
      reasons: reasons.map(({ why, mails }) => ({ why: why.slice(0, 200).toWellFormed(), mails })),
    } as const;
    const severity = own >= MANY ? 'high' : passed > 0 ? 'medium' : 'low';
    return [ofInstallation({ today, known }, first_at, { severity, facts, query: unjudgedQuery() })];
  },
  over: (_, { unjudged }) => (unjudged === null ? { reason: 'all_judged', hours: HOURS } : null),
} satisfies InstallationRule;
