import type { z } from 'zod';
import { type PlaceOfOthers, placesOfOthers } from '../of-others.ts';
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
import type { KindWords, Told, Words } from './kind.ts';
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

/** The facts and the words of each rule of the analyzer, by the name of its file. */
export const KINDS = {
  abused_sender: abusedSender,
  alignment_failure: alignmentFailure,
  authentication_regression: authenticationRegression,
  bimi_ready: bimiReady,
  denied_source: deniedSource,
  dkim_key_missing: dkimKeyMissing,
  dkim_key_weak: dkimKeyWeak,
  dns_broken: dnsBroken,
  dns_drift: dnsDrift,
  dns_server: dnsServer,
  egress_not_followed: egressNotFollowed,
  environment_drift: environmentDrift,
  forged_report: forgedReport,
  grant_overdue: grantOverdue,
  include_dangling: includeDangling,
  key_not_published: keyNotPublished,
  lookalike_domain: lookalikeDomain,
  mail_not_judged: mailNotJudged,
  mta_sts_broken: mtaStsBroken,
  new_host: newHost,
  new_source: newSource,
  nobody_can_approve: nobodyCanApprove,
  policy_change: policyChange,
  policy_ready: policyReady,
  record_invalid: recordInvalid,
  reporter_silent: reporterSilent,
  reports_stopped: reportsStopped,
  sender_moved: senderMoved,
  sending_not_reported: sendingNotReported,
  source_not_in_logs: sourceNotInLogs,
  spf_limit: spfLimit,
  subdomain_abuse: subdomainAbuse,
  unauthorized_source: unauthorizedSource,
  unauthorized_workload: unauthorizedWorkload,
  unconfirmed_report: unconfirmedReport,
  unreadable_reports: unreadableReports,
  unsigned_mail: unsignedMail,
  verdict_mismatch: verdictMismatch,
  verify_failed: verifyFailed,
  volume_surge: volumeSurge,
};

type Schemas = { [Rule in keyof typeof KINDS]: (typeof KINDS)[Rule]['facts'] };
/** What a rule found, beside the figures that all kinds share. */
export type Facts = { [Rule in keyof Schemas]: z.output<Schemas[Rule]> }[keyof Schemas];

/** The rules whose facts speak of other domains than the finding's own, and where they do. */
export const RULES_OF_OTHERS: ReadonlyMap<string, readonly PlaceOfOthers[]> = new Map(
  Object.entries(KINDS)
    .map(([rule, { facts }]) => [rule, [...placesOfOthers(facts)]] as const)
    .filter(([, places]) => places.length > 0),
);

/** Null for facts that this version does not know. */
export function readFacts(stored: unknown): Facts | null {
  const rule = typeof stored === 'object' && stored !== null && 'rule' in stored ? stored.rule : null;
  if (typeof rule !== 'string' || !Object.hasOwn(KINDS, rule)) return null;
  const read = KINDS[rule as keyof typeof KINDS].facts.safeParse(stored);
  return read.success ? read.data : null;
}

/** The words for facts. */
export function factWords(told: Told, facts: Facts): Words {
  const { words } = KINDS[facts.rule] as { words: (told: Told, facts: Facts) => KindWords };
  const { advice, ...rest } = words(told, facts);
  return {
    ...rest,
    advice: advice.map((one) => (typeof one === 'string' ? one : one.says)),
    pages: advice.map((one) => (typeof one === 'string' ? null : one.page)),
  };
}
