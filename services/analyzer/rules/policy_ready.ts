import type { Ending } from '../../findings/ending.ts';
import { addDays, daysBetween } from '../../shared/days.ts';
import { parsePolicy } from '../../shared/policy.ts';
import type { ClassVolume } from '../../store/analysis/window-reads.ts';
import { policyQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { certainty } from '../statistics/confidence.ts';
import { type DomainWindow, openOf, type ReadinessWindow } from '../window.ts';
import type { ReadinessRule } from './rule.ts';

const KIND = 'policy_ready';
/** Of the days of a month, so many with reports, from so many reporters of at least so many days each. */
const REPORT_DAYS = 20;
const REPORTERS = 3;
const REPORTER_DAYS = 10;
/**
 * Messages of the domain's own senders, and the part of them that must pass; an open finding holds a little
 * below.
 */
const MESSAGES = 200;
const ALIGNED = 0.99;
const HOLD = 0.98;
/** Failing mail of whom nothing is known, as part of all. */
const UNKNOWN = 0.01;
/**
 * Messages of a service that has just begun and is not set up: a finding about it is imminent, and then the
 * step is not safe.
 */
const JOINING = 10;
/**
 * While one of these is open and some of its mail is delivered, it is not clear whose mail is whose, so this
 * finding does not open.
 */
const CONTESTED = new Set(['unauthorized_source', 'subdomain_abuse']);
/** While one of these is open, a stricter policy would cost mail, or somebody has just changed it. */
const IN_THE_WAY = new Set(['alignment_failure', 'authentication_regression', 'policy_change']);

/** Days that count: a month. */
export const READY_DAYS = 30;

/**
 * The evidence that the next step of policy is safe: none → quarantine → reject. RFC 9989 asks for a month at
 * none and as long at quarantine, and that a domain whose people write to mailing lists stay below reject.
 * There are no percentages any more; `t=y` is the trial. Never mailed by itself: it is in the digest until
 * the step is taken or is no longer safe.
 */
export const policyReady: ReadinessRule = {
  kind: KIND,
  scope: 'readiness',
  severity: ['info'],
  tested: false,
  find,
  over,
};

function find(window: ReadinessWindow): Candidate[] {
  const { domain, today, volumes } = window;
  const open = openOf(window.known, KIND, domain);
  const policy = window.policy === null ? null : parsePolicy(window.policy);
  if (policy === null || (policy.p !== 'none' && policy.p !== 'quarantine')) return [];
  if (window.known.some(({ state, severity, kind }) => state === 'open' && severity !== 'info' && IN_THE_WAY.has(kind)))
    return [];
  if (!open && window.known.some(isContested)) return [];
  const from = addDays(today, 1 - READY_DAYS);
  const seen = window.policyDays.filter((row) => row.day >= from);
  const other = seen.filter((row) => parsePolicy(row.policy).p !== policy.p);
  if (other.length > 0.02 * seen.length) return [];

  const month = daysBetween(from, today);
  const reporters = window.attendance.reporters.filter((one) => window.attendance.days(one, month) >= REPORTER_DAYS);
  const reportDays = new Set(window.reporterDays.filter((row) => row.day >= from).map((row) => row.day));
  if (window.attendance.first === '' || window.attendance.first > from) return [];
  if (reportDays.size < REPORT_DAYS || reporters.length < REPORTERS) return [];

  const of = (name: string) => volumes.find((one) => one.class === name) ?? NOTHING;
  const own = of('authorized').messages + of('misaligned').messages;
  const passed = of('authorized').passed + of('misaligned').passed;
  const messages = volumes.reduce((n, one) => n + one.messages, 0);
  const failing = (name: string) => of(name).messages - of(name).passed;
  if (own < MESSAGES || passed < (open ? HOLD : ALIGNED) * own || failing('unknown') > UNKNOWN * messages) return [];

  const joining = volumes.reduce((n, one) => n + (one.class === 'forwarded' ? 0 : one.joining), 0);
  if (!open && joining >= JOINING) return [];

  return [candidateOf(window, { p: policy.p, from, reporters, days: reportDays.size, own, passed, open })];
}

/** What the month showed. */
interface Month {
  p: string;
  from: string;
  reporters: string[];
  /** Days with reports. */
  days: number;
  /** Messages of the domain's own senders, and how many of them passed. */
  own: number;
  passed: number;
  open: KnownFinding | undefined;
}

function candidateOf(
  { domain, today, volumes }: ReadinessWindow,
  { p, from, reporters, days, own, passed, open }: Month,
): Candidate {
  const of = (name: string) => volumes.find((one) => one.class === name) ?? NOTHING;
  const failing = (name: string) => of(name).messages - of(name).passed;
  const messages = volumes.reduce((n, one) => n + one.messages, 0);
  const next = p === 'none' ? 'quarantine' : 'reject';
  const failed = volumes.reduce((n, one) => n + one.messages - one.passed, 0);
  const spfAlone = of('authorized').passed - of('authorized').dkim_aligned;
  const split = ['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'].filter((name) => failing(name) > 0);
  return {
    kind: KIND,
    subject: domain,
    severity: 'info',
    lasting: true,
    confidence: certainty({
      otherwise: failing('unknown') / Math.max(1, messages),
      witnesses: reporters.length * days,
    }),
    first_day: open ? open.first_day : from,
    last_day: today,
    evidence: {
      who: [],
      senders: 0,
      messages: failed,
      of: messages,
      share: failed / Math.max(1, messages),
      per_day: failed / READY_DAYS,
      since: from,
      last_day: today,
      reporters,
      delivered: 0,
      quarantined: 0,
      rejected: 0,
      by_class: Object.fromEntries(split.map((name) => [name, failing(name)])),
      facts: { rule: KIND, next, days: READY_DAYS, own, passed, spf_alone: spfAlone },
      query: policyQuery(domain, from, today),
    },
  };
}

/** Over when the step is taken, or when it is safe no more. */
function over(_: KnownFinding, window: DomainWindow): Ending | null {
  if (window.policyDays.length === 0) return null;
  const p = window.policy === null ? null : parsePolicy(window.policy).p;
  return p === null ? { reason: 'policy_unknown' } : { reason: 'policy_not_ready', p };
}

function isContested({ kind, state, evidence }: KnownFinding): boolean {
  return state === 'open' && CONTESTED.has(kind) && evidence.delivered > 0;
}

const NOTHING: ClassVolume = { class: 'unknown', messages: 0, passed: 0, dkim_aligned: 0, joining: 0 };
