import type { Facts } from './index.ts';

/** What the rest of ruawatch must know of a rule's findings beside their words. */
export interface Traits {
  /** Mail that others forge, and that is to be kept out; or rightful mail of senders, which is to arrive. */
  mail?: 'forged' | 'rightful';
  /** What its messages are a part of: all mail of the domain, or all mail of its senders. */
  partOf?: 'domain' | 'senders';
  /**
   * What its figures count where it is not mail that came: reports that are proven to be no reports, mail
   * that would have been reported, or mail that the next policy would have touched, which may be none.
   */
  counts?: 'reports' | 'absent' | 'touched';
  /** It says of one record what is wrong with it, whatever was declared. */
  ofRecord?: true;
  /** Strangers send the mail: what the same networks do to several domains is one campaign. */
  campaign?: true;
  /**
   * Its subject is a reporter, whose reports are not what its figures would say: forged ones, or such as no
   * longer come.
   */
  ofReporter?: true;
  /** Its subject is a reporter, and the reports of that one prove it. */
  byReporter?: true;
  /** It stops own mail where the policy is enforced: it is fixed before anything new is published. */
  stopsMail?: true;
  /** While it is open, a stricter policy would cost mail. */
  againstPolicy?: true;
  /** While it is open and some of its mail is delivered, it is not clear whose mail is whose. */
  contested?: true;
  /** Where it is critical, it is looked for before the rest of the domain's work. */
  urgent?: true;
  /** It rests on the word of reporters who decide nothing: few are open below a domain at a time. */
  unproven?: true;
  /**
   * One cause opens it for many domains at once, or one of each subject: it is mailed for one of them, and
   * counted once.
   */
  sharedCause?: 'kind' | 'subject';
  /** Closed as expected, it proposes to approve the sender that is its subject. */
  approvable?: true;
  /** It is found in the logs of own servers. */
  ofLogs?: true;
}

/** The traits of every rule: a new one does not compile before they are said. */
export const TRAITS: Record<Facts['rule'], Traits> = {
  abused_sender: { mail: 'forged', partOf: 'senders' },
  alignment_failure: { mail: 'rightful', partOf: 'senders', againstPolicy: true, approvable: true },
  authentication_regression: { mail: 'rightful', partOf: 'senders', stopsMail: true, againstPolicy: true },
  bimi_ready: { counts: 'touched' },
  denied_source: { mail: 'forged', partOf: 'domain' },
  dkim_key_missing: { ofRecord: true, stopsMail: true },
  dkim_key_weak: { ofRecord: true },
  dns_broken: { ofRecord: true, stopsMail: true },
  dns_drift: {},
  dns_server: {},
  egress_not_followed: {},
  environment_drift: {},
  forged_report: { counts: 'reports', ofReporter: true, unproven: true },
  grant_overdue: {},
  include_dangling: { ofRecord: true },
  key_not_published: { ofLogs: true },
  lookalike_domain: {},
  mail_not_judged: {},
  mta_sts_broken: { ofRecord: true },
  new_host: { mail: 'rightful', partOf: 'domain' },
  new_source: { mail: 'rightful', partOf: 'domain', approvable: true },
  nobody_can_approve: {},
  policy_change: {},
  policy_ready: { counts: 'touched' },
  record_invalid: { ofRecord: true },
  reporter_silent: { counts: 'absent', ofReporter: true, sharedCause: 'subject' },
  reports_stopped: { counts: 'absent', sharedCause: 'kind' },
  sender_moved: {},
  sending_not_reported: { ofLogs: true },
  source_not_in_logs: { ofLogs: true },
  spf_limit: { ofRecord: true, stopsMail: true },
  subdomain_abuse: { mail: 'forged', partOf: 'domain', campaign: true, contested: true, urgent: true },
  unauthorized_source: { mail: 'forged', partOf: 'domain', campaign: true, contested: true, urgent: true },
  unauthorized_workload: { ofLogs: true },
  unconfirmed_report: { ofReporter: true, unproven: true },
  unreadable_reports: {},
  unsigned_mail: { ofLogs: true },
  verdict_mismatch: { byReporter: true },
  verify_failed: { ofLogs: true },
  volume_surge: { partOf: 'domain', approvable: true },
};

/** @param rule of a finding's facts, or its kind; what this version does not know has none */
export function traitsOf(rule: string | undefined): Traits {
  return rule !== undefined && Object.hasOwn(TRAITS, rule) ? TRAITS[rule as Facts['rule']] : {};
}

/** The rules about mail that others forge. */
export const forgedRules = (): string[] => rulesWith('mail').filter((rule) => traitsOf(rule).mail === 'forged');

/** The rules whose findings have a trait. */
export function rulesWith(trait: keyof Traits): string[] {
  return Object.entries(TRAITS).flatMap(([rule, traits]) => (traits[trait] === undefined ? [] : [rule]));
}
