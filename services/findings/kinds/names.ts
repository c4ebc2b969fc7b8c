/** What each kind of finding is called in sentences and lists. */
export const KIND_NAMES: Readonly<Record<string, string>> = {
  alignment_failure: 'A sender that is not aligned',
  authentication_regression: 'Authentication that broke',
  bimi_ready: 'Ready for a logo',
  dkim_key_missing: 'A DKIM key is missing',
  dkim_key_weak: 'A weak DKIM key',
  dns_broken: 'A DNS record is broken',
  dns_drift: 'A record is not as declared',
  egress_not_followed: 'SPF does not follow a cluster',
  environment_drift: 'Environments differ',
  forged_report: 'Forged reports',
  grant_overdue: 'A right outlives its end',
  include_dangling: 'SPF includes a missing record',
  key_not_published: 'Signing with an unpublished key',
  lookalike_domain: 'A name that looks like yours',
  mail_not_judged: 'Mail passed unchecked',
  mta_sts_broken: 'MTA-STS is broken',
  new_source: 'A new sender',
  nobody_can_approve: 'Nobody can decide',
  policy_change: 'Policy changed',
  policy_ready: 'Ready for a stricter policy',
  record_invalid: 'An invalid DNS record',
  reporter_silent: 'A reporter fell silent',
  reports_stopped: 'Reports stopped',
  sender_moved: 'A sender that moved',
  sending_not_reported: 'Sent mail is not reported',
  source_not_in_logs: 'A source that no log shows',
  spf_limit: 'SPF costs too many look-ups',
  subdomain_abuse: 'Forged mail under subdomains',
  unauthorized_source: 'Unauthorized mail in your name',
  unauthorized_workload: 'An undeclared workload sends',
  unconfirmed_report: 'Not confirmed',
  unreadable_reports: 'Reports cannot be read',
  unsigned_mail: 'Unsigned mail',
  verdict_mismatch: 'A reporter contradicts itself',
  verify_failed: 'Own signatures do not verify',
  volume_surge: 'An unusual amount of mail',
};

/** A kind with its name, as services/dns/posture/ takes it. */
export interface NamedKind {
  kind: string;
  name: string;
  /** Receivers delivered nearly all the mail that it is about. */
  delivered?: boolean;
}

export const namedKind = (kind: string): NamedKind => ({ kind, name: kindName(kind) });

/** @param kind also one that this version does not know */
export function kindName(kind: string): string {
  return Object.hasOwn(KIND_NAMES, kind) ? KIND_NAMES[kind]! : kind;
}
