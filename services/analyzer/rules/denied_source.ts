import type { Ending } from '../../findings/ending.ts';
import { addDays, dayOf, earlier, later } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import { recordsQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { passesOn } from '../sources/identity.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { UNAUTHORIZED_DAYS } from '../unauthenticated/part.ts';
import {
  type Counts,
  coveredDays,
  isEvidence,
  openOf,
  passedBy,
  reportersOf,
  type SourceWindow,
  settledUntil,
  total,
} from '../window.ts';
import type { SourceRule } from './rule.ts';
import { silent } from './silence.ts';

const KIND = 'unauthorized_source';
/** A person has said that there should be none, so little is enough; one message may be a late queue. */
const LEAST = 5;

/**
 * A source that a person has denied sends mail that passes DMARC: somebody holds a key or an account that may
 * sign as the domain, or has a place in a network that its SPF record allows; or a service was given up and
 * not switched off. No policy stops such mail. It is reported under the kind `unauthorized_source`, with the
 * source for its subject: who has no authority is said by the list, and by nothing in the reports.
 *
 * Nothing is compared with habit, so there is no level: the word of the person is the rule, and only mail of
 * the days after it counts. Mail that was only passed on bears the signature of its author, and proves
 * nothing about who passes it on.
 */
export const deniedSource: SourceRule = {
  kind: KIND,
  scope: 'source',
  severity: ['medium', 'high'],
  tested: false,
  find,
  over,
};

function find(window: SourceWindow): Candidate[] {
  const { domain, source, listed } = window;
  if (listed?.verdict !== 'denied' || passesOn(window.sender)) return [];
  const said = dayOf(listed.since);
  const from = later(
    addDays(window.today, 1 - UNAUTHORIZED_DAYS),
    addDays(later(said, settledUntil(window.known, KIND, source)), 1),
  );
  const rows = window.rows.filter((row) => row.day >= from && ownPasses(row) > 0);
  if (rows.length === 0) return [];
  const open = openOf(window.known, KIND, source);
  const sum = total(rows);
  const messages = rows.reduce((n, row) => n + ownPasses(row), 0);
  const days = [...new Set(rows.map((row) => row.day))].sort();
  const reporters = reportersOf(rows);
  if (!open && !isEvidence({ messages, reporters, days: days.length }, window.domainDays, LEAST)) return [];

  const since = open ? earlier(open.first_day, days[0]!) : days[0]!;
  const last_day = days.at(-1)!;
  const delivered = Math.min(messages, sum.delivered);
  const of = window.domainDays.reduce((n, day) => n + (day.day >= days[0]! ? day.messages : 0), 0);
  return [
    {
      kind: KIND,
      subject: source,
      severity: severityOf(delivered),
      confidence: certainty({ witnesses: witnesses(rows) }),
      first_day: since,
      last_day,
      evidence: {
        who: [{ source, messages, delivered }],
        senders: 1,
        messages,
        of: Math.max(of, messages),
        share: messages / Math.max(of, messages),
        per_day: messages / days.length,
        since,
        last_day,
        reporters,
        delivered,
        quarantined: Math.min(messages, sum.quarantined),
        rejected: Math.min(messages, sum.rejected),
        facts: {
          rule: 'denied_source',
          by: passedBy(sum),
          service: window.sender?.name ?? null,
          denied: { by: listed.by_name, on: said, why: listed.why },
        },
        query: recordsQuery({ domain, source, from: since, to: last_day, rows: 'all' }),
      },
    },
  ];
}

/** Over when the list denies it no more, or after as long without as that of the domain. */
function over(finding: KnownFinding, window: SourceWindow): Ending | null {
  if (window.listed?.verdict !== 'denied') return { reason: 'no_longer_denied' };
  return silent(finding, coveredDays(window), UNAUTHORIZED_DAYS) ? { reason: 'no_passing_mail', days: UNAUTHORIZED_DAYS } : null;
}

/** What passes and was not passed on by somebody, as far as the receivers say. */
function ownPasses(counts: Pick<Counts, 'passed' | 'forwarded' | 'failed_forwarded'>): number {
  return Math.max(0, counts.passed - Math.max(0, counts.forwarded - counts.failed_forwarded));
}

/** It looks rightful to every receiver, so a little of it already is harm. */
function severityOf(delivered: number): Severity {
  return delivered >= 100 ? 'high' : 'medium';
}
