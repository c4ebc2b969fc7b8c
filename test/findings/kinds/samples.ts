import { readEvidence } from '../../../services/findings/evidence.ts';
import type { Facts, KINDS } from '../../../services/findings/kinds/index.ts';

/** Facts of each kind, and figures that fit any of them. */
export const SAMPLES: { [Rule in keyof typeof KINDS]: Extract<Facts, { rule: Rule }> } = {
  alignment_failure: {
    rule: 'alignment_failure',
    bare: false,
    approved_by: null,
    signer: null,
    small: true,
    p: null,
    strict_spf: true,
    service: null,
  },
  authentication_regression: { rule: 'authentication_regression', strict: ['adkim'] },
  denied_source: { rule: 'denied_source', by: 'both', service: null, denied: { by: 'Ada', on: '2026-10-01', why: 'left' } },
  forged_report: { rule: 'forged_report', mismatched: 0 },
  new_source: { rule: 'new_source', by: 'spf', service: 'SendGrid', signer: 'sendgrid.net' },
  policy_change: { rule: 'policy_change', stronger: true, reports: 0 },
  policy_ready: { rule: 'policy_ready', next: 'reject', days: 30, own: 1000, passed: 999, spf_alone: 900 },
  reporter_silent: { rule: 'reporter_silent', last: '2026-10-01', reported: 27, of_days: 28, share: 0.4, silent_days: 6 },
  reports_stopped: { rule: 'reports_stopped', reason: 'no record.', lost: true, silence: null, confirmed: null },
  subdomain_abuse: { rule: 'subdomain_abuse', published: null, used: [], used_in_all: 0, looked_at: 1 },
  unauthorized_source: { rule: 'unauthorized_source', p: 'reject' },
  unconfirmed_report: { rule: 'unconfirmed_report' },
  verdict_mismatch: { rule: 'verdict_mismatch' },
  volume_surge: { rule: 'volume_surge', times: 12, days: 1, expected: 80 },
};
export const EVIDENCE = readEvidence({
  who: [{ source: '198.51.100.0/24', messages: 1610, delivered: 3 }],
  senders: 1,
  messages: 1610,
  of: 12400,
  share: 0.13,
  since: '2026-10-03',
  last_day: '2026-10-05',
  delivered: 3,
  reporters: ['google.com'],
  usual: 20,
  tags: [{ tag: 'p', from: 'none', to: 'reject', since: '2026-10-03' }],
  names: [{ name: 'billing.example.com', messages: 7, used: false }],
  names_in_all: 1,
  resting_on: [{ reporter: 'google.com', standing: 'new' }],
  broken: [{ source: 'a.example', since: '2026-10-03', messages: 9, of: 9, last_good_day: '2026-10-02' }],
  by_class: { forwarded: 4 },
});
