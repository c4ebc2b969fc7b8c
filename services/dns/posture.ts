import type { DomainCheck } from './check/check.ts';
import { withoutTag } from './check/dmarc.ts';
import type { Publication } from './check/finding.ts';

/** A month of trusted reports about one sender of a domain. Counts are messages. */
export interface SenderMonth {
  /** A network, or the name of a sender that ruawatch knows. */
  source: string;
  class: 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | 'unknown';
  messages: number;
  /** Passed DMARC. */
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
}

export interface ReportMonth {
  /** Days from the first to the last day of the month, both included, YYYY-MM-DD. */
  from: string;
  to: string;
  /** Days of it with reports, and reporters that reported on `REPORTER_DAYS` of them or more. */
  days: number;
  reporters: number;
  senders: readonly SenderMonth[];
}

/** How far a domain has come, in the order that works. Each stage has the ones before it. */
export const STAGES = ['nothing', 'spf', 'dkim', 'none', 'quarantine', 'reject', 'bimi'] as const;
export type Stage = (typeof STAGES)[number];

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

export interface Posture {
  domain: string;
  stage: Stage;
  next: Step;
  /** Why the stage after this one is not taken yet; sentences. */
  blocked_by: readonly string[];
}

/** Of the days of a month, so many with reports, from so many reporters of at least so many days each. */
export const REPORT_DAYS = 20;
export const REPORTERS = 3;
export const REPORTER_DAYS = 10;
/** Messages of the domain's own senders, and the part of them that must pass before a stricter policy. */
export const OWN_MESSAGES = 200;
export const OWN_PASSING = 0.99;
/** Failing mail of senders that nothing is known of, as part of all. */
export const UNKNOWN_FAILING = 0.01;
/** Mail that passes by SPF alone, as part of the own mail, from which p=reject is held back (RFC 9989 section 7). */
export const SPF_ALONE = 0.05;
/** A sender with a smaller share of the own mail does not get a step of its own. */
const LEAST_SHARE = 0.002;
const MOST_NAMED = 5;
const WEEKS = 30 / 7;

/**
 * How far a domain has come and what to do next: `p=none` with reports comes first at every stage, since it brings the evidence; SPF and
 * DKIM of the own senders come before any enforcement, which would cost their mail.
 * @param month what trusted reports say; null when there are none
 * @param mailbox the address that reports should go to; null when no mailbox is set
 */
export function postureOf(check: DomainCheck, month: ReportMonth | null, mailbox: string | null): Posture {
  const stage = stageOf(check);
  const blocked = [...blockers(check, month)];
  const blocked_by = blocked.map(({ sentence }) => sentence);
  return { domain: check.domain, stage, next: nextStep(check, month, mailbox, blocked), blocked_by };
}

function policyOf({ dmarc }: DomainCheck) {
  return dmarc?.discovery.state === 'found' ? dmarc.discovery : null;
}

/** The highest stage whose records all exist without errors. */
function stageOf(check: DomainCheck): Stage {
  const wrong = (kind: string) => check.findings.some(({ severity, code }) => severity === 'error' && code.startsWith(kind));
  const policy = policyOf(check)?.policy ?? null;
  const spf = check.spf?.tree.root.record != null && !wrong('spf_');
  const dkim = check.dkim?.selectors.some(({ state, key }) => state === 'key' && key !== null && !key.revoked) === true;
  if (policy === 'none' || policy === 'quarantine' || policy === 'reject') {
    const enforced = policy !== 'none';
    return enforced && check.bimi?.record != null && !check.bimi.record.declined && !wrong('bimi_') ? 'bimi' : policy;
  }
  if (dkim && spf) return 'dkim';
  return spf ? 'spf' : 'nothing';
}

const own = (month: ReportMonth) => month.senders.filter((one) => one.class === 'authorized' || one.class === 'misaligned');
const sum = (senders: readonly SenderMonth[], of: (one: SenderMonth) => number) => senders.reduce((n, one) => n + of(one), 0);
const weekly = (messages: number) => Math.round(messages / WEEKS).toLocaleString('en');
const percent = (share: number) => `${Math.floor(share * 1000) / 10}%`;

/** One reason to wait with a stricter policy. */
interface Blocker {
  why: 'no_reports' | 'days' | 'reporters' | 'few_messages' | 'failing' | 'unknown_senders' | 'spf_alone';
  sentence: string;
}

/** Why a stricter policy would lose mail, or why that is unknown. Empty: according to the reports it is safe. */
function* blockers(check: DomainCheck, month: ReportMonth | null): Generator<Blocker> {
  if (month === null)
    return yield { why: 'no_reports', sentence: 'No trusted report on the domain has arrived in the last 30 days.' };
  if (month.days < REPORT_DAYS)
    yield { why: 'days', sentence: `Reports cover ${month.days} of the last 30 days; ${REPORT_DAYS} are needed.` };
  if (month.reporters < REPORTERS)
    yield {
      why: 'reporters',
      sentence: `${month.reporters} of the ${REPORTERS} regular reporters that are needed have reported (on ${REPORTER_DAYS} days or more).`,
    };
  const ours = own(month);
  const messages = sum(ours, (one) => one.messages);
  const passed = sum(ours, (one) => one.passed);
  if (messages < OWN_MESSAGES)
    yield {
      why: 'few_messages',
      sentence: `The reports name ${messages} messages of the domain's own senders; ${OWN_MESSAGES} are needed.`,
    };
  else if (passed < OWN_PASSING * messages)
    yield {
      why: 'failing',
      sentence: `${percent(passed / messages)} of the own senders' mail passes DMARC; ${percent(OWN_PASSING)} is needed.`,
    };
  const all = sum(month.senders, (one) => one.messages);
  const unknown = sum(month.senders, (one) => (one.class === 'unknown' ? one.messages - one.passed : 0));
  if (unknown > UNKNOWN_FAILING * all)
    yield {
      why: 'unknown_senders',
      sentence: `${unknown.toLocaleString('en')} failing messages come from senders that nothing is known of (${percent(unknown / all)}; ${percent(UNKNOWN_FAILING)} at most).`,
    };
  if (policyOf(check)?.policy === 'quarantine') {
    const alone = sum(ours, (one) => one.passed - Math.min(one.passed, one.dkim_aligned));
    if (messages > 0 && alone > SPF_ALONE * messages)
      yield {
        why: 'spf_alone',
        sentence: `${percent(alone / messages)} of the own mail passes by SPF alone, which does not survive forwarding: it must be signed before p=reject.`,
      };
  }
}

function nextStep(check: DomainCheck, month: ReportMonth | null, mailbox: string | null, blocked: readonly Blocker[]): Step {
  const { domain } = check;
  const found = policyOf(check);
  const name = `_dmarc.${domain}`;
  const step = (action: Action, sentence: string, publish: Publication | null = null): Step => ({ action, sentence, publish });
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
function evidenceStep(
  check: DomainCheck,
  month: ReportMonth | null,
  blocked: readonly Blocker[],
  step: (action: Action, sentence: string, publish?: Publication | null) => Step,
): Step {
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
  if (found.policy !== 'reject') {
    if (blocked.length > 0) {
      const [first] = blocked as [Blocker];
      return first.why === 'unknown_senders' && blocked.length === 1
        ? step(
            'explain_unknown',
            `${first.sentence} Say which of them are yours (ruawatch senders approve) before a stricter policy.`,
          )
        : step('gather_reports', `Wait and watch: ${first.sentence}`);
    }
    const next = found.policy === 'none' ? 'quarantine' : 'reject';
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

/** What none of these protocols prevents, what ruawatch watches, and what people should know. */
export const NOT_PREVENTED: readonly { what: string; watched: string; people: string }[] = [
  {
    what: 'Mail from look-alike domains',
    watched: '`ruawatch dns lookalikes` lists the registered ones',
    people: 'Read the domain behind the @, letter by letter, before paying or signing in.',
  },
  {
    what: 'Mail from stolen accounts of your own people',
    watched: 'a sender that suddenly sends far more than usual (volume_surge)',
    people: 'An unusual request from a colleague is confirmed by another way than mail.',
  },
  {
    what: "Your people's names in front of a stranger's address",
    watched: 'nothing: such mail passes DMARC as the stranger',
    people: 'The name proves nothing; the address does.',
  },
  {
    what: "Mail in your people's names from free-mail accounts",
    watched: 'nothing: reports on it go to the provider',
    people: 'Company business never comes from a private address.',
  },
];
