import { certainty } from '../statistics/confidence.ts';
import { readinessCandidate } from './policy_ready.ts';
import type { ReadinessRule } from './rule.ts';
import type { ReadinessWindow } from './window.ts';

const KIND = 'bimi_ready';

/**
 * All that a logo in mailboxes needs is there (BIMI): DMARC is enforced for the domain and what is below it,
 * and reports show that its mail gets through. For information: open until a BIMI record is published or the
 * ground is gone.
 */
export const bimiReady: ReadinessRule = {
  kind: KIND,
  scope: 'readiness',
  severity: ['info'],
  tested: false,
  find,
  over: () => ({ reason: 'bimi_not_ready' }),
};

function find({ standpoint: { posture, month, records }, ...window }: ReadinessWindow) {
  if (!posture.bimi_ready || month === null || records.policy === null) return [];
  const { policy } = records.policy;
  const facts = { rule: KIND, policy: policy === 'none' ? 'quarantine' : policy, from: month.from } as const;
  const confidence = certainty({ otherwise: 0, witnesses: month.reporters * month.days });
  return [readinessCandidate(window, month, { kind: KIND, facts, confidence })];
}
