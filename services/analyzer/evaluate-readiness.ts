import type { KnownFinding } from '../store/findings/findings.ts';
import type { DomainData } from './domain-data.ts';
import { withMissing } from './evaluate.ts';
import { type FindingChanges, reconcile } from './lifecycle.ts';
import { currentPolicy } from './policy.ts';
import { ruleOf, rulesOf } from './rules/index.ts';
import type { Standpoint } from './rules/window.ts';
import { Attendance } from './statistics/habit.ts';

/**
 * Asks the rules about the next policy: they rest on the classes of all sources, so this comes after these
 * are written.
 * @param known from loadFindings, after the others were written
 * @param standpoint from writePosture, likewise
 */
export function evaluateReadiness(data: DomainData, known: readonly KnownFinding[], standpoint: Standpoint): FindingChanges {
  const { domain, today, policyDays } = data;
  const window = { domain, today, policyDays, policy: currentPolicy(policyDays), known, standpoint };
  const over = (finding: KnownFinding) => {
    const rule = ruleOf(finding, domain);
    return rule?.scope === 'readiness' && !finding.pending ? rule.over(finding, window) : null;
  };
  const candidates = rulesOf('readiness').flatMap((rule) => rule.find(window));
  return reconcile(candidates.map(withMissing(new Attendance(data.reporterDays))), known, over, data);
}
