import { RULES } from '../services/analyzer/rules/index.ts';

/**
 * Which alarms report which incident. The first list detects it; the second is excused: not wrong on the days
 * of such an incident, but not what a person should have been alerted to. Kinds of ruawatch have no prefix;
 * those of a baseline have its name before them, and where a peer's rule could be read in two ways, it is
 * read in its favour.
 */
export const KINDS: Record<string, { detect: readonly string[]; excuse: readonly string[]; bySource: boolean }> = {
  spoofing: {
    detect: ['unauthorized_source', 'alignment_failure', ...failures(), ...newAddress()],
    excuse: ['new_source', 'subdomain_abuse', ...volume()],
    bySource: true,
  },
  parked_spoofing: {
    detect: ['unauthorized_source', 'alignment_failure', ...failures(), ...newAddress()],
    excuse: ['new_source', 'subdomain_abuse', ...volume()],
    bySource: true,
  },
  botnet: {
    detect: ['unauthorized_source', 'alignment_failure', ...failures(), ...newAddress()],
    excuse: ['new_source', 'subdomain_abuse', ...volume()],
    bySource: true,
  },
  subdomain_abuse: {
    detect: ['subdomain_abuse', 'alignment_failure', ...failures(), ...newAddress()],
    excuse: ['unauthorized_source', 'new_source', ...volume()],
    bySource: true,
  },
  dkim_broken: {
    detect: ['authentication_regression', ...failures()],
    excuse: ['alignment_failure', 'unauthorized_source'],
    bySource: true,
  },
  spf_broken: {
    detect: ['authentication_regression', ...failures()],
    excuse: ['alignment_failure', 'unauthorized_source'],
    bySource: true,
  },
  misaligned_service: {
    detect: ['alignment_failure', ...failures(), ...newAddress()],
    excuse: ['new_source', ...volume()],
    bySource: true,
  },
  new_service: { detect: ['new_source', ...newAddress()], excuse: ['volume_surge', ...volume()], bySource: true },
  stolen_credential: { detect: ['new_source', ...newAddress()], excuse: ['volume_surge', ...volume()], bySource: true },
  volume_surge: { detect: ['volume_surge', ...volume()], excuse: [], bySource: true },
  reporter_silent: { detect: ['reporter_silent', 'dmarq no_report', 'trollByte volume_down'], excuse: [], bySource: true },
  verdict_mismatch: { detect: ['verdict_mismatch'], excuse: [], bySource: true },
  // It rests on DNS, which no world has.
  reports_stopped: { detect: ['reports_stopped'], excuse: [], bySource: false },
  dns_changed: {
    detect: [
      'dns_broken',
      'dkim_key_missing',
      'spf_limit',
      'include_dangling',
      'dkim_key_weak',
      'mta_sts_broken',
      'record_invalid',
      'dns_drift',
      'environment_drift',
    ],
    excuse: [],
    bySource: false,
  },
  // It rests on names in DNS beside the domain, which no world has.
  lookalike: { detect: ['lookalike_domain'], excuse: [], bySource: false },
  // It rests on mails that cannot be read, which no world has.
  unreadable: { detect: ['unreadable_reports'], excuse: [], bySource: false },
  // It rests on requests, people and a milter, which no world has.
  stuck: {
    detect: ['nobody_can_approve', 'grant_overdue', 'egress_not_followed', 'mail_not_judged'],
    excuse: [],
    bySource: false,
  },
  // They rest on mail logs, which simulate/logs/ writes.
  in_logs: {
    detect: [
      'unsigned_mail',
      'unauthorized_workload',
      'key_not_published',
      'verify_failed',
      'sending_not_reported',
      'source_not_in_logs',
    ],
    excuse: [],
    bySource: false,
  },
  // For information: what moved is no incident.
  moved: { detect: ['sender_moved'], excuse: [], bySource: false },
  // For information; it rests on DNS.
  bimi: { detect: ['bimi_ready'], excuse: [], bySource: false },
  // It rests on reporters that nobody knows, which no world has (npm run simulate -- --attackers adds them).
  unconfirmed: { detect: ['unconfirmed_report'], excuse: [], bySource: false },
  forged_report: { detect: ['forged_report'], excuse: [], bySource: true },
  policy_weakened: { detect: ['policy_change', 'DmarcAnalyzerApp policy'], excuse: [], bySource: false },
  policy_ready: { detect: ['policy_ready'], excuse: [], bySource: false },
  // No incident: a domain of which policy_ready may be said, though the model did not plan it so.
  ready_enough: { detect: [], excuse: ['policy_ready'], bySource: false },
};

/** Kinds for information only: they are shown in the digest and have no mail of their own. */
export const QUIET_KINDS: readonly string[] = RULES.filter(
  ({ kind, severity }) => kind !== 'sender_moved' && kind !== 'bimi_ready' && severity.every((one) => one === 'info'),
).map(({ kind }) => kind);

function failures(): string[] {
  return [
    'DmarcAnalyzerApp drop',
    'dmarq failures',
    'dmarq drop',
    'helliott20 drop',
    'trollByte failure_rate',
    'trollByte anomaly',
  ];
}

function newAddress(): string[] {
  return ['dmarq new_source', 'helliott20 new_source'];
}

function volume(): string[] {
  return ['trollByte volume_up', 'trollByte anomaly'];
}
