import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { addDays, dayOf } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { addressQuery } from '../../store/findings/sending-queries.ts';
import type { EgressDay } from '../../store/sending/judged.ts';
import { closedUntil, GONE_DAYS, MOST_SENDERS } from '../sending/senders.ts';
import { certainty } from '../statistics/confidence.ts';
import type { SendingRule } from './rule.ts';
import { openOf, type SendingWindow } from './window.ts';

const KIND = 'source_not_in_logs';
/** Reported messages that are no stray. */
const LEAST = 20;
/**
 * Reports count no more than was sent, so that anything beyond is somebody else's. A part of the lines may be
 * lost, and a message to many recipients be counted for each: twice as many are beyond doubt.
 */
const TIMES = 2;
/** How likely a server of our own sends there whose logs nobody collects. */
const OTHERWISE = 0.2;

/**
 * Reports count mail from an address of an own network that the logs of that network do not show, though
 * these have no gap on the day and its neighbours: somebody else sends through it.
 */
export const sourceNotInLogs: SendingRule = {
  kind: KIND,
  scope: 'sending',
  severity: ['medium', 'high'],
  tested: false,
  find: (window) =>
    [...groupBy(window.egress, ({ address }) => address)]
      .flatMap(([address, days]) => candidateOf(window, address, days))
      .slice(0, MOST_SENDERS),
  over,
};

const isUnknown = ({ complete, reported, logged }: EgressDay): boolean =>
  complete && reported >= LEAST && reported > TIMES * logged;

function candidateOf({ domain, known }: SendingWindow, address: string, all: readonly EgressDay[]): Candidate[] {
  const days = all.filter(isUnknown).sort((a, b) => (a.day < b.day ? -1 : 1));
  if (days.length === 0) return [];
  const [from, to] = [days[0]!.day, days.at(-1)!.day];
  if (openOf(known, KIND, address) === undefined && to <= closedUntil(known, KIND, address)) return [];
  const sum = (count: (one: EgressDay) => number) => days.reduce((n, one) => n + count(one), 0);
  const reported = sum((one) => one.reported);
  const passed = sum((one) => one.passed);
  return [
    {
      kind: KIND,
      subject: address,
      // What passes is what receivers believe to be ours.
      severity: passed > 0 ? 'high' : 'medium',
      confidence: certainty({ otherwise: OTHERWISE }),
      first_day: from,
      last_day: to,
      evidence: {
        ...withoutMail(from, to),
        messages: reported,
        facts: {
          rule: KIND,
          address,
          network: days[0]!.network,
          log_sources: [...new Set(days.flatMap(({ log_sources }) => log_sources))],
          days: days.map(({ day }) => day),
          logged: sum((one) => one.logged),
          passed,
        },
        query: addressQuery(domain, address, from, to),
      },
    },
  ];
}

function over(finding: KnownFinding, window: SendingWindow): Ending | null {
  const days = window.egress.filter(({ address, complete }) => address === finding.subject && complete);
  const after = days.filter(({ day }) => day > finding.last_day);
  const known = after.filter((one) => !isUnknown(one) && one.reported >= LEAST);
  if (after.some(isUnknown)) return null;
  if (known.length > 0) return { reason: 'in_logs_again', since: known.map(({ day }) => day).sort()[0]! };
  return finding.last_day < addDays(dayOf(window.now), -GONE_DAYS) ? { reason: 'sent_no_more', days: GONE_DAYS } : null;
}
