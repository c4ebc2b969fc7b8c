import type { Evidence } from '../../findings/evidence.ts';
import { abusedSender } from './abused_sender.ts';
import { alignmentFailure } from './alignment_failure.ts';
import { authenticationRegression } from './authentication_regression.ts';
import { bimiReady } from './bimi_ready.ts';
import { deniedSource } from './denied_source.ts';
import { dkimKeyMissing } from './dkim_key_missing.ts';
import { dkimKeyWeak } from './dkim_key_weak.ts';
import { dnsBroken } from './dns_broken.ts';
import { dnsDrift } from './dns_drift.ts';
import { dnsServer } from './dns_server.ts';
import { egressNotFollowed } from './egress_not_followed.ts';
import { environmentDrift } from './environment_drift.ts';
import { forgedReport } from './forged_report.ts';
import { grantOverdue } from './grant_overdue.ts';
import { includeDangling } from './include_dangling.ts';
import { keyNotPublished } from './key_not_published.ts';
import { lookalikeDomain } from './lookalike_domain.ts';
import { mailNotJudged } from './mail_not_judged.ts';
import { mtaStsBroken } from './mta_sts_broken.ts';
import { newHost } from './new_host.ts';
import { newSource } from './new_source.ts';
import { nobodyCanApprove } from './nobody_can_approve.ts';
import { policyChange } from './policy_change.ts';
import { policyReady } from './policy_ready.ts';
import { recordInvalid } from './record_invalid.ts';
import { reporterSilent } from './reporter_silent.ts';
import { reportsStopped } from './reports_stopped.ts';
import type { Rule } from './rule.ts';
import { senderMoved } from './sender_moved.ts';
import { sendingNotReported } from './sending_not_reported.ts';
import { sourceNotInLogs } from './source_not_in_logs.ts';
import { spfLimit } from './spf_limit.ts';
import { subdomainAbuse } from './subdomain_abuse.ts';
import { unauthorizedSource } from './unauthorized_source.ts';
import { unauthorizedWorkload } from './unauthorized_workload.ts';
import { unconfirmedReport } from './unconfirmed_report.ts';
import { unreadableReports } from './unreadable_reports.ts';
import { unsignedMail } from './unsigned_mail.ts';
import { verdictMismatch } from './verdict_mismatch.ts';
import { verifyFailed } from './verify_failed.ts';
import { volumeSurge } from './volume_surge.ts';

/**
 * All kinds of findings. A new kind is a file in this folder and a line here. (Its facts and its words are a
 * file and a line in services/findings/kinds/: the compiler asks for them.)
 */
export const RULES: readonly Rule[] = [
  unauthorizedSource,
  deniedSource,
  subdomainAbuse,
  authenticationRegression,
  abusedSender,
  alignmentFailure,
  newHost,
  newSource,
  senderMoved,
  volumeSurge,
  reporterSilent,
  verdictMismatch,
  policyChange,
  policyReady,
  bimiReady,
  forgedReport,
  unconfirmedReport,
  reportsStopped,
  dnsBroken,
  dnsServer,
  spfLimit,
  includeDangling,
  dkimKeyMissing,
  dkimKeyWeak,
  mtaStsBroken,
  recordInvalid,
  dnsDrift,
  environmentDrift,
  lookalikeDomain,
  unsignedMail,
  unauthorizedWorkload,
  keyNotPublished,
  verifyFailed,
  sendingNotReported,
  sourceNotInLogs,
  unreadableReports,
  grantOverdue,
  mailNotJudged,
  egressNotFollowed,
  nobodyCanApprove,
];

/** The kinds that share the budget of false alarms, each with an equal part. */
export const TESTED_KINDS = new Set(RULES.filter(({ tested }) => tested).map(({ kind }) => kind)).size;

/** The rules of one scope, in the order of RULES. */
export function rulesOf<Scope extends Rule['scope']>(scope: Scope): Extract<Rule, { scope: Scope }>[] {
  return RULES.filter((rule): rule is Extract<Rule, { scope: Scope }> => rule.scope === scope);
}

/** The rule behind a finding; undefined for a kind that only an older version knew. */
export function ruleOf(
  { kind, subject, evidence }: { kind: string; subject: string; evidence?: Pick<Evidence, 'facts'> },
  domain: string,
): Rule | undefined {
  const rules = RULES.filter((rule) => rule.kind === kind);
  if (rules.length < 2) return rules[0];
  const named = rules.find(({ facts }) => facts !== undefined && facts === evidence?.facts?.rule);
  if (named !== undefined) return named;
  const plain = rules.filter(({ facts }) => facts === undefined);
  return plain.find(({ scope }) => (scope === 'domain') === (subject === domain)) ?? plain[0];
}
