import { own, sum } from '../../dns/posture/month.ts';
import type { Ending } from '../../findings/end-reasons.ts';
import type { Facts } from '../../findings/kinds/index.ts';
import { parsePolicy, strength } from '../../shared/policy.ts';
import { type DatedMonth, MONTH_DAYS } from '../../store/domains/report-month.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { policyQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { ReadinessRule } from './rule.ts';
import { openOf, type ReadinessWindow } from './window.ts';

const KIND = 'policy_ready';

/** Days that count: a month. */
export const READY_DAYS = MONTH_DAYS;

/**
 * The evidence that the next step of policy is safe: none → quarantine → reject. RFC 9989 asks for a month at
 * none and as long at quarantine, and that a domain whose people write to mailing lists stay below reject.
 * There are no percentages any more; `t=y` is the trial. The domain's posture decides (services/dns/posture),
 * as it does for the view and for `policy status`. Never mailed by itself: it is in the digest until the step
 * is taken or is no longer safe.
 */
export const policyReady: ReadinessRule = {
  kind: KIND,
  scope: 'readiness',
  severity: ['info'],
  tested: false,
  find,
  over,
};

function find({ standpoint: { posture, month }, ...window }: ReadinessWindow): Candidate[] {
  if (posture.ready_for === null || month === null) return [];
  const ours = own(month);
  const all = sum(month.senders, (one) => one.messages);
  const passed = sum(ours, (one) => one.passed);
  const facts: Facts = {
    rule: KIND,
    next: posture.ready_for,
    from: month.from,
    days: READY_DAYS,
    own: sum(ours, (one) => one.messages),
    passed,
    spf_alone: passed - sum(ours, (one) => one.dkim_aligned),
    ...(posture.next.action === 'end_testing' && { testing: true }),
  };
  const confidence = certainty({
    otherwise: failing(month, 'unknown') / Math.max(1, all),
    witnesses: month.reporters * month.days,
  });
  return [readinessCandidate(window, month, { kind: KIND, facts, confidence })];
}

const failing = (month: DatedMonth, name: string) =>
  sum(month.senders, (one) => (one.class === name ? one.messages - one.passed : 0));

/** A finding for information about a domain as a whole, with the figures of the month that it rests on. */
export function readinessCandidate(
  { domain, today, known }: Pick<ReadinessWindow, 'domain' | 'today' | 'known'>,
  month: DatedMonth,
  { kind, facts, confidence }: { kind: string; facts: Facts; confidence: number },
): Candidate {
  const messages = sum(month.senders, (one) => one.messages);
  const failed = sum(month.senders, (one) => one.messages - one.passed);
  const classes = ['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'].filter((name) => failing(month, name) > 0);
  const open = openOf(known, kind, domain);
  return {
    kind,
    subject: domain,
    severity: 'info',
    lasting: true,
    confidence,
    // It is ready from the day on which that was found, not from the first day that was looked at.
    first_day: open?.first_day ?? today,
    last_day: today,
    evidence: {
      who: [],
      senders: 0,
      messages: failed,
      of: messages,
      share: failed / Math.max(1, messages),
      per_day: failed / READY_DAYS,
      since: open?.evidence.since ?? today,
      last_day: today,
      reporters: month.reporter_names,
      delivered: 0,
      quarantined: 0,
      rejected: 0,
      by_class: Object.fromEntries(classes.map((name) => [name, failing(month, name)])),
      facts,
      query: policyQuery(domain, month.from, today),
    },
  };
}

/** Over when the step is taken, or when it is the next one no more. */
function over({ evidence: { facts } }: KnownFinding, window: ReadinessWindow): Ending | null {
  if (window.policyDays.length === 0) return null;
  const { p, t } = window.policy === null ? { p: null, t: null } : parsePolicy(window.policy);
  if (p === null) return { reason: 'policy_unknown' };
  const next = facts?.rule === KIND ? facts.next : null;
  const taken = next === null || (t !== 'y' && (strength('p', p) ?? 0) >= (strength('p', next) ?? 0));
  return { reason: 'policy_not_ready', p, ...(!taken && { next }) };
}
