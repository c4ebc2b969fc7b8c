import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { addDays, dayOf, daysBetween, later } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { receiverQuery } from '../../store/findings/sending-queries.ts';
import type { ReceiverDays } from '../../store/sending/judged.ts';
import { dmarcRecordOf } from '../published/dmarc-record.ts';
import { closedUntil, GONE_DAYS } from '../sending/senders.ts';
import { certainty } from '../statistics/confidence.ts';
import type { SendingRule } from './rule.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'sending_not_reported';
/** Messages a day from which every reporter reports; some leave out small senders. */
const LEAST = 1000;
/** Days without a report beyond the usual delay. */
const MISSED_DAYS = 2;
/** How likely the reporter did not take the mail for mail of this domain. */
const OTHERWISE = 0.1;

/**
 * The logs show thousands of messages to a receiver that reports, on this domain or on others, and no report
 * of it has come for two days longer than it usually takes. A reporter that is silent on every domain has a
 * fault of its own, and where reporter_silent or reports_stopped is open, that suffices.
 */
export const sendingNotReported: SendingRule = {
  kind: KIND,
  scope: 'sending',
  severity: ['low', 'medium'],
  tested: false,
  find: (window) => window.receivers.flatMap((one) => candidateOf(window, one)),
  over,
};

/** The days on which it got much mail and that it should have reported on by now, oldest first. */
function missed({ now }: Pick<SendingWindow, 'now'>, { days, last_here, usual_delay }: ReceiverDays): string[] {
  const due = addDays(dayOf(now), -1 - usual_delay - MISSED_DAYS + 1);
  const from = later(last_here === null ? '' : addDays(last_here, 1), addDays(due, -GONE_DAYS));
  if (from > due) return [];
  const large = new Set(days.filter(({ delivered }) => delivered >= LEAST).map(({ day }) => day));
  return daysBetween(from, due).filter((day) => large.has(day));
}

function candidateOf(window: SendingWindow, one: ReceiverDays): Candidate[] {
  const { domain, known, now } = window;
  const days = missed(window, one);
  if (days.length < MISSED_DAYS || !reportsOn(one, days[0]!) || isKnown(window, one) || takesNoReports(window)) return [];
  const [from, to] = [days[0]!, days.at(-1)!];
  if (openOf(known, KIND, one.reporter) === undefined && to <= closedUntil(known, KIND, one.reporter)) return [];
  const of = one.days.filter(({ day }) => day >= from && day <= to).reduce((n, { delivered }) => n + delivered, 0);
  return [
    {
      kind: KIND,
      subject: one.reporter,
      severity: one.last_here === null ? 'low' : 'medium',
      confidence: certainty({ otherwise: OTHERWISE }),
      first_day: from,
      last_day: to,
      evidence: {
        ...withoutMail(from, to),
        of,
        facts: {
          rule: KIND,
          mailboxes: [...one.mailboxes].slice(0, 10),
          from,
          to,
          last_here: one.last_here,
          last_elsewhere: one.last_elsewhere,
          usual_delay: one.usual_delay,
          record: dmarcRecordOf(window.published, domain, one.last_here ?? addDays(dayOf(now), -30)),
        },
        query: receiverQuery(domain, one.mailboxes.slice(0, 10), from),
      },
    },
  ];
}

/**
 * It reports on another domain for the days that are missing here; where it knows no other, it reported here
 * before.
 */
function reportsOn({ last_here, last_elsewhere }: ReceiverDays, missing: string): boolean {
  return last_elsewhere === null ? last_here !== null : last_elsewhere >= missing;
}

/** Another finding is open about it. */
function isKnown({ known, domain }: SendingWindow, { reporter }: ReceiverDays): boolean {
  return openOf(known, 'reporter_silent', reporter) !== undefined || openOf(known, 'reports_stopped', domain) !== undefined;
}

/** The domain asks for no reports, so that none can be missed. */
function takesNoReports({ published, domain }: SendingWindow): boolean {
  const name = `_dmarc.${domain}`;
  const asked = published?.questions.find((one) => one.name === name && one.type === 'TXT');
  if (asked === undefined || asked.state === 'unknown') return false;
  const live = published!.records.filter((one) => one.name === name && one.gone_at === null);
  return live.every(({ value }) => !/\brua\s*=/i.test(value));
}

function over(finding: KnownFinding, window: SendingWindow): Ending | null {
  const one = window.receivers.find(({ reporter }) => reporter === finding.subject);
  if (one?.last_here != null && one.last_here > finding.first_day) return { reason: 'reports_again', since: one.last_here };
  const since = addDays(dayOf(window.now), -GONE_DAYS);
  if (one === undefined || one.days.every(({ day, delivered }) => day < since || delivered < LEAST))
    return { reason: 'sent_no_more', days: GONE_DAYS };
  return null;
}
