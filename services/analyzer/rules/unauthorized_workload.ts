import { type DeclaredSenders, declarationOf } from '../../dns/guard/senders.ts';
import type { Ending } from '../../findings/end-reasons.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { sendingQuery } from '../../store/findings/sending-queries.ts';
import type { SentDay } from '../../store/sending/judged.ts';
import { sendingCandidate, workloadRule } from '../sending/candidate.ts';
import {
  closedUntil,
  dayOfFirst,
  firstOf,
  GONE_DAYS,
  isGone,
  isRehearsal,
  isSigned,
  lastOf,
  messagesOf,
  minuteOf,
  type SenderMail,
  sendersOf,
} from '../sending/senders.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'unauthorized_workload';
/** Fewer messages are somebody's attempt: worth a line, and no more. */
const FEW = 3;
/** How likely a line is put down to the wrong workload. */
const MISTAKEN = 0.02;
const NAMED = 10;

/**
 * A workload sends as a domain that mail-guard.yaml does not declare it for. A fact, so that one message
 * suffices; mail whose workload no log names is not judged, nor is a domain of which the file says nothing.
 */
export const unauthorizedWorkload = workloadRule(KIND, { find: candidateOf, over });

/** The rows of domains that the file keeps the workload from. */
function undeclared(declared: DeclaredSenders, { sender, rows }: SenderMail): SentDay[] {
  if (sender.workload === '') return [];
  return rows.filter(({ domain }) => declarationOf(declared, { ...sender, domain }).verdict === 'undeclared');
}

function candidateOf(window: SendingWindow, mail: SenderMail): Candidate[] {
  const { declared, known, now, domain } = window;
  if (declared == null) return [];
  const rows = undeclared(declared, mail);
  if (isGone(rows, now)) return [];
  const settled = closedUntil(known, KIND, mail.key);
  if (openOf(known, KIND, mail.key) === undefined && rows.every(({ day }) => day <= settled)) return [];
  const largest = [...rows].sort((a, b) => b.messages - a.messages)[0]!.domain;
  const { of_domain, of_workload } = declarationOf(declared, { ...mail.sender, domain: largest });
  return [
    sendingCandidate({
      kind: KIND,
      subject: mail.key,
      severity: severityOf(window, mail, rows, of_domain),
      otherwise: MISTAKEN,
      rows,
      facts: {
        rule: KIND,
        sender: mail.sender,
        sends_as: largest,
        first_at: minuteOf(firstOf(rows)),
        last_at: minuteOf(lastOf(rows)),
        signed: messagesOf(rows.filter(isSigned)),
        declared: of_domain.map((one) => `${one.environment}/${one.workload}`).slice(0, NAMED),
        may: [...new Set(of_workload.map((one) => one.domain))].slice(0, NAMED),
      },
      query: sendingQuery(domain, mail.sender, dayOfFirst(rows)),
    }),
  ];
}

/**
 * In production it is more severe with the domain's own key. Mail from a place to try things in is severe
 * only where it has the name of a domain of another environment.
 */
function severityOf(
  { declared }: SendingWindow,
  { sender }: SenderMail,
  rows: readonly SentDay[],
  of_domain: DeclaredSenders['senders'],
): Severity {
  if (messagesOf(rows) < FEW) return 'low';
  if (isRehearsal(sender.environment, declared))
    return of_domain.some(({ environment }) => environment !== sender.environment) ? 'medium' : 'low';
  return rows.some(isSigned) ? 'high' : 'medium';
}

function over(finding: KnownFinding, { days, declared, now }: SendingWindow): Ending | null {
  if (declared === undefined) return null;
  if (declared === null) return { reason: 'not_declared' };
  const mail = sendersOf({ days }).find(({ key }) => key === finding.subject);
  if (mail === undefined || isGone(mail.rows, now)) return { reason: 'sent_no_more', days: GONE_DAYS };
  const rows = undeclared(declared, mail);
  if (rows.length === 0) return { reason: 'workload_declared' };
  return isGone(rows, now) ? { reason: 'sent_no_more', days: GONE_DAYS } : null;
}
