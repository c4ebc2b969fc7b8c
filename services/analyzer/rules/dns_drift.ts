import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import type { Facts } from '../../findings/kinds/index.ts';
import { dayOf } from '../../shared/days.ts';
import { rankOf, type Severity } from '../../shared/severity.ts';
import type { StoredDrift, StoredDrifts } from '../../store/dns/drifts.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { historyQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, openOf, settledUntil } from './window.ts';

const KIND = 'dns_drift';
/** How likely a record that was read twice is read wrongly. */
const MISREAD = 0.01;
/**
 * What lets others send or be believed as the domain: somebody else's key, and senders that nobody approved.
 */
const SEVERITY: Record<string, Severity> = {
  guard_dkim_other: 'high',
  guard_spf_forbidden: 'high',
  guard_spf_source_extra: 'medium',
  guard_spf_source_missing: 'medium',
  guard_spf_record: 'medium',
  guard_spf_all: 'medium',
  guard_dkim_missing: 'medium',
  guard_dkim_unusable: 'medium',
  guard_dmarc_record: 'medium',
  guard_dmarc_policy: 'medium',
};

/**
 * What is published is not what was approved: what mail-guard.yaml declares. A difference counts from the
 * second round that finds it, since a file and a zone are never changed at one moment.
 */
export const dnsDrift: DnsRule = {
  kind: KIND,
  scope: 'dns',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find(window) {
    const drifts = settled(window.drift).filter((one) => one.differs === null && isOwn(one, window.domain));
    return [...new Set(drifts.map(({ name }) => name))].flatMap((name) =>
      candidateOf(
        window,
        name,
        drifts.filter((one) => one.name === name),
      ),
    );
  },
  over: (finding, { drift }) => overOf(drift, (one) => one.differs === null && one.name === finding.subject),
};

/** The differences that at least two rounds found. */
export function settled(drift: StoredDrifts | null | undefined): StoredDrift[] {
  return (drift?.drifts ?? []).filter(({ since }) => since < drift!.checked_at.toISOString());
}

/** Resolved when nothing of it differs any more, or nothing is declared. */
export function overOf(drift: StoredDrifts | null | undefined, isIt: (one: StoredDrift) => boolean): Ending | null {
  if (drift === undefined) return null;
  if (drift === null) return { reason: 'not_declared' };
  return drift.drifts.some(isIt) ? null : { reason: 'as_declared', since: dayOf(drift.checked_at) };
}

/** The evidence of a finding that rests on a comparison, whatever mail there is. */
export function driftCandidate(
  { domain, drift, known }: DnsWindow,
  { kind, subject, severity, drifts }: { kind: string; subject: string; severity: Severity; drifts: readonly StoredDrift[] },
  facts: Facts,
): Candidate[] {
  const since = dayOf(new Date(drifts.map((one) => one.since).sort()[0]!));
  const last = dayOf(drift!.checked_at);
  if (!openOf(known, kind, subject) && settledUntil(known, kind, subject) >= since) return [];
  return [
    {
      kind,
      subject,
      severity,
      confidence: certainty({ chance: MISREAD }),
      first_day: since,
      last_day: last,
      evidence: {
        ...withoutMail(since, last),
        facts,
        query: historyQuery(domain),
      },
    },
  ];
}

/** A domain that is compared with an own one need not be own. */
function isOwn({ domain }: StoredDrift, own: string): boolean {
  return domain === own || domain.endsWith(`.${own}`);
}

function candidateOf(window: DnsWindow, name: string, drifts: readonly StoredDrift[]): Candidate[] {
  const severity = drifts.map(({ code }) => SEVERITY[code] ?? 'low').reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a));
  const before = openOf(window.known, KIND, name)?.evidence.facts;
  const first = drifts.map(({ since }) => since).sort()[0]!;
  return driftCandidate(
    window,
    { kind: KIND, subject: name, severity, drifts },
    {
      rule: KIND,
      domain: drifts[0]!.domain,
      name,
      part: partOf(drifts[0]!),
      at: first.slice(0, 16).replace('T', ' '),
      approved: { by: 'guard', environments: [...new Set(drifts.map(({ environment }) => environment))] },
      differences: drifts.map(({ code, message, wanted, published, publish }) => ({ code, message, wanted, published, publish })),
      seen: before?.rule === KIND ? (before.seen ?? null) : null,
    },
  );
}

/** The reports' mechanism that the record is about. */
function partOf({ code }: StoredDrift): 'spf' | 'dkim' | 'dmarc' | 'other' {
  return (['spf', 'dkim', 'dmarc'] as const).find((part) => code.startsWith(`guard_${part}_`)) ?? 'other';
}
