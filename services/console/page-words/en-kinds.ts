/** What each kind of finding is called, and in a sentence what it is. */
const KINDS: Record<string, readonly [name: string, what: string]> = {
  unauthorized_source: [
    'Mail in your name that nothing authenticates',
    'Servers that you have not authorized send mail with your domain in From. Most often that is forgery; sometimes a service of yours that nobody set up.',
  ],
  subdomain_abuse: [
    'Forged mail under subdomains',
    'Mail is sent with names below your domain in From that you do not use. The subdomain policy (sp=, np=) decides what becomes of it.',
  ],
  alignment_failure: [
    'A sender that is not aligned',
    'A service authenticates its mail as itself and not as your domain, so that DMARC fails: a service of yours that is not set up, or one that somebody else uses in your name.',
  ],
  authentication_regression: [
    'Authentication that broke',
    'A sender of yours passed for weeks and now fails: a key, a record or a setting changed. Receivers may refuse its mail.',
  ],
  policy_change: ['Policy changed', 'The DMARC record that receivers see is not the one of before.'],
  new_source: ['A new sender', 'Mail that passes comes from where none came before.'],
  sender_moved: ['A sender that moved', 'A known service now sends from other networks.'],
  volume_surge: [
    'An unusual amount of mail',
    'A known sender sends far more than it usually does: a campaign, or an account that was taken over.',
  ],
  reporter_silent: [
    'A reporter fell silent',
    'A receiver that used to report on this domain does not any more. You no longer see what it gets.',
  ],
  verdict_mismatch: [
    'A reporter contradicts itself',
    'What the receiver did to the mail does not follow from the results that it reports.',
  ],
  policy_ready: [
    'Ready for a stricter policy',
    'For a month, the mail of your own senders has passed: the next policy would stop hardly any of it.',
  ],
  unconfirmed_report: ['Not confirmed', 'A report says something grave, and nothing proves who wrote it.'],
  unreadable_reports: [
    'Reports cannot be read',
    'Report mails arrive that no reader understands. They are kept and can be read again.',
  ],
  nobody_can_approve: ['Nobody can decide', 'A request waits for people of whom none may decide any more.'],
  grant_overdue: ['A right outlives its end', 'A right that was lent could not be taken back at its time.'],
  mail_not_judged: ['Mail passed unchecked', 'The milter could not decide in time, and mail went through as its setting says.'],
  egress_not_followed: ['SPF does not follow a cluster', 'Addresses by which mail leaves a cluster are not in the SPF record.'],
  unsigned_mail: ['Unsigned mail', 'Mail servers of yours send mail without a DKIM signature.'],
  unauthorized_workload: [
    'An undeclared workload sends',
    'Something in the cluster sends mail that mail-guard.yaml does not name.',
  ],
  key_not_published: [
    'Signing with an unpublished key',
    'Mail is signed with a key that DNS does not have, so that nobody can verify it.',
  ],
  verify_failed: ['Own signatures do not verify', 'Receivers find that your DKIM signatures do not match the mail.'],
  sending_not_reported: ['Sent mail is not reported', 'Your logs show mail of which no report tells.'],
  source_not_in_logs: ['A source that no log shows', 'Reports tell of mail that passes and that your own logs do not have.'],
  reports_stopped: ['Reports stopped', 'Reports about this domain have stopped arriving from everybody.'],
  dns_broken: ['A DNS record is broken', 'A record that mail depends on is gone or no longer works.'],
  spf_limit: ['SPF costs too many look-ups', 'SPF allows ten DNS lookups. Beyond that, receivers treat the record as broken.'],
  include_dangling: [
    'SPF includes a missing record',
    'SPF refers to a name that has no record: whoever registers it may send as you.',
  ],
  dkim_key_weak: ['A weak DKIM key', 'The key is short enough to be broken with money and time.'],
  record_invalid: [
    'An invalid DNS record',
    'The record does not say what its author meant; receivers ignore it or read something else.',
  ],
  forged_report: ['Forged reports', 'Somebody sends reports in the name of a receiver. They decide nothing here.'],
  bimi_ready: ['Ready for a logo', 'All that mailboxes ask for before they show a logo is there.'],
  dns_drift: ['A record is not as declared', 'DNS differs from what the files of your repository declare.'],
  environment_drift: ['Environments differ', 'Staging and production do not publish or sign the same.'],
  lookalike_domain: ['A name that looks like yours', 'Somebody registered a name that people may take for yours.'],
  dkim_key_missing: ['A DKIM key is missing', 'Mail is signed with a key that is not in DNS any more.'],
  mta_sts_broken: [
    'MTA-STS is broken',
    'The policy that asks for encrypted delivery cannot be fetched or does not match your mail servers.',
  ],
};

export const kindNames: Record<string, string> = Object.fromEntries(Object.entries(KINDS).map(([kind, [name]]) => [kind, name]));
export const kindMeanings: Record<string, string> = Object.fromEntries(
  Object.entries(KINDS).map(([kind, [, what]]) => [kind, what]),
);
