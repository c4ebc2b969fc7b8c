import type { Severity } from '../../dns/check/codes.ts';
import type { Finding } from '../../dns/check/finding.ts';

/** Everything that `guard probe` may say of a mail. The codes are stable; docs/guard.md lists them. */
export const PROBE_CODES = {
  probe_from: 'error',
  probe_unsigned: 'error',
  probe_dkim: 'error',
  probe_unaligned: 'error',
  probe_selector: 'error',
  probe_spf: 'error',
  probe_dmarc: 'error',
  probe_no_policy: 'warning',
  probe_undeclared: 'error',
  probe_stranger: 'error',
  probe_missing: 'error',
  probe_refused: 'error',
  probe_unknown: 'unknown',
} as const satisfies Record<string, Severity>;

export type ProbeCode = keyof typeof PROBE_CODES;
export type ProbeFinding = Finding<ProbeCode>;

/** @param domain what it is about: the domain in From, or the workload that did not write */
export function probeFinding(code: ProbeCode, domain: string, message: string): ProbeFinding {
  return {
    code,
    severity: PROBE_CODES[code],
    domain,
    message,
    section: 'docs/guard.md',
    record: null,
    place: null,
    publish: null,
  };
}
