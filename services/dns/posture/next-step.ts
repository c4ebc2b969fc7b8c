import type { DomainCheck } from '../check/check.ts';
import { withoutTag } from '../check/dmarc.ts';
import type { Publication } from '../check/finding.ts';
import type { Blocker } from './blockers.ts';
import { own, type ReportMonth, type SenderMonth, sum } from './month.ts';
import { policyOf } from './published-policy.ts';

export type Action =
  | 'park'
  | 'publish_dmarc'
  | 'ask_for_reports'
  | 'fix_records'
  | 'publish_spf'
  | 'gather_reports'
  | 'align_senders'
  | 'sign_with_dkim'
  | 'explain_unknown'
  | 'end_testing'
  | 'protect_subdomains'
  | 'enforce_quarantine'
  | 'enforce_reject'
  | 'publish_tls_rpt'
  | 'publish_mta_sts'
  | 'publish_bimi'
  | 'keep';

export interface Step {
  action: Action;
  /** What to do and why, for a person. */
  sentence: string;
  publish: Publication | null;
}

type MakeStep = (action: Action, sentence: string, publish?: Publication | null) => Step;

/** A sender with a smaller share of the own mail does not get a step of its own. */
const LEAST_SHARE = 0.002;
const MOST_NAMED = 5;
const WEEKS = 30 / 7;

const weekly = (messages: number) => Math.round(messages / WEEKS).toLocaleString('en');

/** What to do next. @param blocked why a stricter policy has to wait */
export function nextStep(
  check: DomainCheck,
  month: ReportMonth | null,
  mailbox: string | null,
  blocked: readonly Blocker[],
): Step {
  const { domain } = check;
  const found = policyOf(check);
  const name = `_dmarc.${domain}`;
  const step: MakeStep = (action, sentence, publish = null) => ({ action, sentence, publish });
  if (isParked(check, month)) {
    const value = 'v=DMARC1; p=reject';
    return found?.policy === 'reject'
      ? step('keep', 'The domain sends no mail and refuses all that is sent as it.')
      : step('park', 'The domain sends no mail: nothing is lost by refusing all of it. Publish p=reject beside "v=spf1 -all".', {
          name,
          value,
        });
  }
  const rua = `mailto:${mailbox ?? `dmarc@${domain}`}`;
  if (found === null && check.dmarc?.discovery.state !== 'unknown')
    return step(
      'publish_dmarc',
      'Publish DMARC at p=none first: it changes no delivery and brings the reports that every later step rests on.',
      {
        name,
        value: `v=DMARC1; p=none; rua=${rua}`,
      },
    );
  const missed = check.findings.find(({ code }) => code === 'dmarc_no_rua' || code === 'dmarc_not_here');
  if (missed !== undefined)
    return step(
      'ask_for_reports',
      'Ask for reports here: without them nobody can say which mail a stricter policy would cost.',
      missed.publish,
    );
  const wrong = check.findings.find(({ severity, code }) => severity === 'error' && /^(?:spf|dkim|dmarc|mx)_/.test(code));
  if (wrong !== undefined && wrong.code !== 'spf_missing') return step('fix_records', wrong.message, wrong.publish);
  if (check.spf !== null && check.spf.tree.root.record === null)
    return step(
      'publish_spf',
      `Publish SPF for the servers that send as the domain${named(month)}. Without SPF and DKIM, enforcement protects nothing and costs your own mail.`,
    );
  return evidenceStep(check, month, blocked, step);
}

/** The step that the reports suggest, once the records are correct. */
function evidenceStep(check: DomainCheck, month: ReportMonth | null, blocked: readonly Blocker[], step: MakeStep): Step {
  const found = policyOf(check);
  if (found === null || month === null)
    return step('gather_reports', 'Wait for reports: the first ones come within two days of the record.');
  const ours = own(month);
  const total = sum(ours, (one) => one.messages);
  const misaligned = ours
    .filter((one) => one.class === 'misaligned' && one.messages > LEAST_SHARE * total)
    .sort((a, b) => b.messages - a.messages);
  if (misaligned.length > 0)
    return step(
      'align_senders',
      `Align these senders first, or their mail is lost under a stricter policy: ${listed(misaligned)}. Publish the records that each of them names for its customers (its DKIM key or CNAMEs).`,
    );
  if (found.record.testing && found.policy !== 'none' && blocked.length === 0)
    return step(
      'end_testing',
      'The policy is only being tried out (t=y). By the reports it costs no mail of yours: remove t=y.',
      without(check, 't'),
    );
  const alone = ours.filter((one) => one.passed - one.dkim_aligned > LEAST_SHARE * total).sort((a, b) => b.messages - a.messages);
  if (found.policy === 'quarantine' && blocked.some(({ why }) => why === 'spf_alone'))
    return step(
      'sign_with_dkim',
      `Have these senders sign with DKIM before p=reject: ${listed(alone)}. SPF alone does not survive forwarding.`,
    );
  return found.policy === 'reject' ? stepBeyondReject(check, step) : stricterStep(check, month, blocked, step);
}

/** Towards the next stricter policy. */
function stricterStep(check: DomainCheck, month: ReportMonth, blocked: readonly Blocker[], step: MakeStep): Step {
  const [first] = blocked;
  if (first !== undefined)
    return first.why === 'unknown_senders' && blocked.length === 1
      ? step(
          'explain_unknown',
          `${first.sentence} Say which of them are yours (ruawatch senders approve) before a stricter policy.`,
        )
      : step('gather_reports', `Wait and watch: ${first.sentence}`);
  const next = policyOf(check)?.policy === 'none' ? 'quarantine' : 'reject';
  const broken = sum(month.senders, (one) => (one.class === 'forwarded' ? one.messages - one.passed : 0));
  const lists =
    next === 'reject' && broken > 0
      ? ` ${weekly(broken)} messages a week that mailing lists and forwarders broke would be refused: a domain whose people write to mailing lists should stay at quarantine (RFC 9989 section 7.4).`
      : '';
  return step(
    next === 'quarantine' ? 'enforce_quarantine' : 'enforce_reject',
    `The reports of the last 30 days say that p=${next} costs no mail of yours.${lists}`,
    policy(check, next),
  );
}

/** What is left when the policy is p=reject. */
function stepBeyondReject(check: DomainCheck, step: MakeStep): Step {
  const open = check.findings.find(({ code }) => code === 'dmarc_subdomains_open');
  if (open !== undefined) return step('protect_subdomains', open.message, open.publish);
  const hint = (code: string) => check.findings.find((one) => one.code === code);
  const tls = hint('tlsrpt_missing');
  if (tls !== undefined) return step('publish_tls_rpt', 'Ask for reports on failed TLS, the ground for MTA-STS.', tls.publish);
  if (hint('mta_sts_missing') !== undefined) return step('publish_mta_sts', hint('mta_sts_missing')!.message);
  if (hint('bimi_missing') !== undefined)
    return step('publish_bimi', 'DMARC is enforced: a logo may be shown in mailboxes (BIMI), if you want one.');
  return step('keep', 'Nothing is left to do; ruawatch watches what changes.');
}

/** A domain that sends no mail: its SPF record is only "-all", and no report has mail of its own. */
function isParked(check: DomainCheck, month: ReportMonth | null): boolean {
  const terms = check.spf?.tree.root.record?.text.trim().split(/\s+/) ?? [];
  const closed = terms.length === 2 && terms[1] === '-all';
  return closed && (month === null || sum(own(month), (one) => one.passed) === 0);
}

function listed(senders: readonly SenderMonth[]): string {
  const names = senders.slice(0, MOST_NAMED).map((one) => `${one.source} (${weekly(one.messages)} messages a week)`);
  return `${names.join(', ')}${senders.length > MOST_NAMED ? ` and ${senders.length - MOST_NAMED} more` : ''}`;
}

function named(month: ReportMonth | null): string {
  const senders = month === null ? [] : own(month).sort((a, b) => b.messages - a.messages);
  return senders.length === 0 ? '' : `: the reports name ${listed(senders)}`;
}

/** The domain's record with another policy; a record of the domain itself is made where one above applies. */
function policy(check: DomainCheck, p: 'quarantine' | 'reject'): Publication {
  const found = policyOf(check)!;
  const name = `_dmarc.${check.domain}`;
  const text = found.record.text.replace(/([;\s]p\s*=\s*)(?:none|quarantine|reject)/i, `$1${p}`);
  return { name, value: text };
}

function without(check: DomainCheck, tag: string): Publication {
  return { name: `_dmarc.${check.domain}`, value: withoutTag(policyOf(check)!.record.text, tag) };
}
