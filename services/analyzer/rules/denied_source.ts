import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, dayOf, earlier, later } from '../../shared/days.ts';
import { parsePolicy } from '../../shared/policy.ts';
import type { Severity } from '../../shared/severity.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import type { ListEntry } from '../../store/sources/sender-list.ts';
import { passesOn } from '../sources/identity.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { UNAUTHORIZED_DAYS } from '../unauthenticated/part.ts';
import type { SourceRule } from './rule.ts';
import { silent } from './silence.ts';
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
} from './window.ts';

const KIND = 'unauthorized_source';
/** A person has said that there should be none, so little is enough; one message may be a late queue. */
const LEAST = 5;

/**
 * Mail of a source that a person has denied reaches its receivers as if it were rightful: it passes DMARC, so
 * that somebody holds a key or an account that may sign as the domain, or has a place in a network that its
 * SPF record allows; or a service was given up and not switched off. Or it fails, as somebody else's mail
 * does, and is delivered because the policy asks for nothing. It is reported under the kind
 * `unauthorized_source`, with the source for its subject: who has no authority is said by the list, and by
 * nothing in the reports.
 *
 * That a person says so ends no danger: the mail of the week before counts as well, and the finding is open
 * until no more comes. Nothing is compared with habit, so there is no level: the word of the person is the
 * rule. Mail that was only passed on has the signature of its author, and proves nothing about who passes
 * it on. Mail that nothing authenticates is part of what is forged by everybody.
 */
export const deniedSource: SourceRule = {
  kind: KIND,
  scope: 'source',
  severity: ['medium', 'high'],
  tested: false,
  find,
  over,
};

/** Mail of a denied source that gets through. */
interface Through {
  rows: readonly SourceDay[];
  messages: number;
  delivered: number;
  by: 'spf' | 'dkim' | 'both' | 'none';
}

function find(window: SourceWindow): Candidate[] {
  const { domain, source, listed } = window;
  if (listed?.verdict !== 'denied' || passesOn(window.sender)) return [];
  const after = later(addDays(window.today, -UNAUTHORIZED_DAYS), settledUntil(window.known, KIND, source));
  const recent = window.rows.filter(({ day }) => day > after);
  const through = passing(window, recent) ?? letThrough(window, recent);
  if (through === null) return [];
  const { rows, messages, delivered, by } = through;
  const sum = total(rows);
  const days = daysOf(rows);
  const since = earlier(openOf(window.known, KIND, source)?.first_day ?? days[0]!, days[0]!);
  const last_day = days.at(-1)!;
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
        reporters: reportersOf(rows),
        delivered,
        quarantined: Math.min(messages, sum.quarantined),
        rejected: Math.min(messages, sum.rejected),
        facts: factsOf(window, listed, by),
        query: recordsQuery({ domain, source, from: since, to: last_day, rows: 'all' }),
      },
    },
  ];
}

/** Mail that passes and was not passed on by somebody, as far as the receivers say; null: too little. */
function passing(window: SourceWindow, recent: readonly SourceDay[]): Through | null {
  const rows = recent.filter((row) => ownPasses(row) > 0);
  const messages = rows.reduce((n, row) => n + ownPasses(row), 0);
  const sum = total(rows);
  const through = { rows, messages, delivered: Math.min(messages, sum.delivered), by: passedBy(sum) };
  return isEnough(window, through, messages) ? through : null;
}

/**
 * Mail that authenticates as somebody else, and that receivers deliver since no policy forbids it.
 */
function letThrough(window: SourceWindow, recent: readonly SourceDay[]): Through | null {
  if (enforcedBy(window.policy) !== null) return null;
  const rows = recent.filter(
    (row) => row.failed_delivered > 0 && row.failed_authenticated > 0 && row.failed_authenticated >= row.failed_unauthenticated,
  );
  const { failed_authenticated: messages, failed_delivered } = total(rows);
  const delivered = Math.min(messages, failed_delivered);
  const through: Through = { rows, messages, delivered, by: 'none' };
  return isEnough(window, through, delivered) ? through : null;
}

function isEnough(window: SourceWindow, { rows }: Through, messages: number): boolean {
  if (rows.length === 0) return false;
  const seen = { messages, reporters: reportersOf(rows), days: daysOf(rows).length };
  return openOf(window.known, KIND, window.source) !== undefined || isEvidence(seen, window.domainDays, LEAST);
}

const daysOf = (rows: readonly SourceDay[]) => [...new Set(rows.map((row) => row.day))].sort();

function factsOf({ sender, denied, policy }: SourceWindow, listed: ListEntry, by: Through['by']) {
  return {
    rule: 'denied_source' as const,
    by,
    service: sender?.name ?? null,
    denied: { by: listed.by_name, on: dayOf(listed.since), why: listed.why },
    ...((by === 'dkim' || by === 'both') && denied && denied.keys.length > 0 && { keys: [...denied.keys] }),
    ...((by === 'spf' || by === 'both') && denied && denied.terms.length > 0 && { terms: [...denied.terms] }),
    ...(by === 'none' && { policy: policy === null ? null : parsePolicy(policy).p }),
  };
}

/**
 * Over when the list denies it no more, or a policy stops what it sends, or after as long without as that of
 * the domain.
 */
function over(finding: KnownFinding, window: SourceWindow): Ending | null {
  if (window.listed?.verdict !== 'denied') return { reason: 'no_longer_denied' };
  const { facts } = finding.evidence;
  const p = enforcedBy(window.policy);
  if (facts?.rule === 'denied_source' && facts.by === 'none' && p !== null) return { reason: 'policy_stops', p };
  return silent(finding, coveredDays(window), UNAUTHORIZED_DAYS) ? { reason: 'no_passing_mail', days: UNAUTHORIZED_DAYS } : null;
}

/** The policy, if it asks receivers to stop what fails; null: it does not, or nobody knows it. */
function enforcedBy(policy: string | null): string | null {
  if (policy === null) return null;
  const { p, t } = parsePolicy(policy);
  return p === 'none' || t === 'y' ? null : p;
}

/** What passes and was not passed on by somebody, as far as the receivers say. */
function ownPasses(counts: Pick<Counts, 'passed' | 'forwarded' | 'failed_forwarded'>): number {
  return Math.max(0, counts.passed - Math.max(0, counts.forwarded - counts.failed_forwarded));
}

/** It looks rightful to every receiver, or nothing keeps it out, so a little of it already is harm. */
function severityOf(delivered: number): Severity {
  return delivered >= 100 ? 'high' : 'medium';
}
