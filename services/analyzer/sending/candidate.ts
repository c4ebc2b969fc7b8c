import { withoutMail } from '../../findings/figures.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import type { SentDay } from '../../store/sending/judged.ts';
import type { SendingRule } from '../rules/rule.ts';
import type { SendingWindow } from '../rules/window.ts';
import { certainty } from '../statistics/confidence.ts';
import { dayOfFirst, dayOfLast, MOST_SENDERS, messagesOf, type SenderMail, sendersOf } from './senders.ts';

/** A rule about each workload that sends as the domain, the largest first. */
export function workloadRule(
  kind: string,
  { find, over }: { find: (window: SendingWindow, mail: SenderMail) => Candidate[]; over: SendingRule['over'] },
): SendingRule {
  return {
    kind,
    scope: 'sending',
    severity: ['low', 'medium', 'high'],
    tested: false,
    find: (window) =>
      sendersOf(window)
        .flatMap((mail) => find(window, mail))
        .slice(0, MOST_SENDERS),
    over,
  };
}

type Evidence = Candidate['evidence'];

/**
 * A finding about mail that the logs show: its days and its messages are those of the rows.
 * @param given.otherwise how likely it is something else
 * @param given.since the first day, where that is another
 */
export function sendingCandidate({
  kind,
  subject,
  severity,
  otherwise,
  rows,
  since = dayOfFirst(rows),
  facts,
  query,
  more = {},
}: {
  kind: string;
  subject: string;
  severity: Severity;
  otherwise: number;
  rows: readonly SentDay[];
  since?: string;
  facts: NonNullable<Evidence['facts']>;
  query: string;
  more?: Partial<Evidence>;
}): Candidate {
  const last = dayOfLast(rows);
  return {
    kind,
    subject,
    severity,
    confidence: certainty({ otherwise }),
    first_day: since,
    last_day: last,
    evidence: { ...withoutMail(since, last), messages: messagesOf(rows), ...more, facts, query },
  };
}
