import { withoutMail } from '../../findings/figures.ts';
import type { Facts } from '../../findings/kinds/index.ts';
import { dayOf } from '../../shared/days.ts';
import { rankOf, type Severity } from '../../shared/severity.ts';
import type { StoredFault } from '../../store/dns/checks.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { historyQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, openOf, settledUntil } from './window.ts';

/** The rules whose facts are faults that a check found. */
type CheckedRule = Extract<Facts, { problems: unknown }>['rule'];

/** How likely a record that was read twice is read wrongly. */
const MISREAD = 0.01;

/**
 * A rule about what `dns check` finds wrong (services/dns/check/). A fault counts from the second check that
 * finds it; it is over when a check is answered that does not.
 * @param severityOf of a fault; null: it is the business of another rule
 */
export function checkedRule(
  kind: CheckedRule,
  severityOf: (fault: StoredFault) => Severity | null,
  severity: readonly Severity[],
): DnsRule {
  const faultsOf = ({ check }: DnsWindow) =>
    (check?.findings ?? []).filter((fault) => severityOf(fault) !== null && fault.since < check!.checked_at.toISOString());
  return {
    kind,
    scope: 'dns',
    severity,
    tested: false,
    find(window) {
      const names = [...new Set(faultsOf(window).map(({ name }) => name))];
      return names.flatMap((name) => {
        const faults = faultsOf(window).filter((fault) => fault.name === name);
        const worst = faults.map((fault) => severityOf(fault)!).reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a));
        return candidateOf(window, { kind, name, severity: worst, faults });
      });
    },
    over(finding, { check }) {
      if (check == null || check.findings.some((fault) => fault.name === finding.subject && severityOf(fault) !== null))
        return null;
      return { reason: 'record_restored', since: dayOf(check.checked_at) };
    },
  };
}

function candidateOf(
  { domain, check, known }: DnsWindow,
  { kind, name, severity, faults }: { kind: CheckedRule; name: string; severity: Severity; faults: readonly StoredFault[] },
): Candidate[] {
  const since = faults.map((fault) => fault.since).sort()[0]!;
  const first = dayOf(new Date(since));
  const last = dayOf(check!.checked_at);
  const open = openOf(known, kind, name);
  if (!open && settledUntil(known, kind, name) >= first) return [];
  const before = open?.evidence.facts;
  return [
    {
      kind,
      subject: name,
      severity,
      confidence: certainty({ chance: MISREAD }),
      first_day: first,
      last_day: last,
      ...(severity === 'info' && { lasting: true as const }),
      evidence: {
        ...withoutMail(first, last),
        facts: {
          rule: kind,
          name,
          problems: faults.map(({ code, message, text, publish }) => ({ code, message, text, publish })),
          lookups: check!.spf_lookups,
          over: check!.spf_over,
          seen: before?.rule === 'spf_limit' ? (before.seen ?? null) : null,
        },
        query: historyQuery(domain),
      },
    },
  ];
}
