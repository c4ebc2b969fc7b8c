import type { Severity } from '../../shared/severity.ts';
import type { StoredDrift } from '../../store/dns/drifts.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { driftCandidate, overOf, settled } from './dns_drift.ts';
import type { DnsRule } from './rule.ts';
import type { DnsWindow } from './window.ts';

const KIND = 'environment_drift';
/** What decides whether mail of both passes in the same way; the rest is for order. */
const GRAVE = /^(?:spf\.sources|dkim\.|dmarc\.policy|dmarc\.alignment)/;

/**
 * Environments that should agree and do not: what is tried in staging then says nothing of production. What
 * may differ, mail-guard.yaml says. A difference counts from the second round that finds it.
 */
export const environmentDrift: DnsRule = {
  kind: KIND,
  scope: 'dns',
  severity: ['low', 'medium'],
  tested: false,
  find(window) {
    const drifts = settled(window.drift).filter(({ differs }) => differs !== null);
    const subjects = [...new Set(drifts.map(({ domain }) => domain))];
    return subjects.flatMap((subject) =>
      candidateOf(
        window,
        subject,
        drifts.filter(({ domain }) => domain === subject),
      ),
    );
  },
  over: (finding, { drift }) => overOf(drift, ({ differs, domain }) => differs !== null && domain === finding.subject),
};

/** Of a domain that several environments declare, the first is reported. */
function candidateOf(window: DnsWindow, subject: string, all: readonly StoredDrift[]): Candidate[] {
  const [{ environment, differs: first }] = all as [StoredDrift];
  const drifts = all.filter((one) => one.environment === environment);
  const severity: Severity = drifts.some(({ differs }) => GRAVE.test(differs!.aspect)) ? 'medium' : 'low';
  return driftCandidate(
    window,
    { kind: KIND, subject, severity, drifts },
    {
      rule: KIND,
      environment,
      domain: subject,
      reference: { environment: first!.environment, domain: first!.domain },
      aspects: drifts.map(({ differs }) => ({
        aspect: differs!.aspect,
        missing: [...differs!.missing],
        extra: [...differs!.extra],
      })),
    },
  );
}
