import type { Publication } from '../check/finding.ts';
import { withTags } from '../dmarc/edit.ts';
import { type Blocker, enforces, REPORT_DAYS } from './blockers.ts';
import { type DeniedMail, own, type ReportMonth, type SenderMonth, sum } from './month.ts';
import type { SeenRecords } from './records.ts';

export type Action =
  | 'park'
  | 'publish_dmarc'
  | 'ask_for_reports'
  | 'fix_records'
  | 'publish_spf'
  | 'gather_reports'
  | 'mend_senders'
  | 'stop_denied'
  | 'stop_forged'
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
  /** The blocker that the sentence names: the first that a stricter policy waits for. */
  waits_for?: Blocker;
}

type MakeStep = (action: Action, sentence: string, publish?: Publication | null) => Step;

/** Severities of incidents that come before anything else. */
const GRAVE: ReadonlySet<string> = new Set(['high', 'critical']);
/** Tags of a record that refuses mail from names that do not exist, and changes nothing for those that do. */
const NAMES_NOBODY_HAS = ['np=reject', 'sp=none'];
/** A sender with a smaller share of the own mail does not get a step of its own. */
const LEAST_SHARE = 0.002;
const MOST_NAMED = 5;

/** The count as it is: one by the week would say too little of a sender that began within the month. */
const inMonth = (messages: number) => `${messages.toLocaleString('en')} ${messages === 1 ? 'message' : 'messages'} in 30 days`;

/**
 * What to do next. While the published policy is only being tried out, a step that does not end that says so:
 * whoever reads p=reject takes it for more than it is.
 * @param blocked why a stricter policy has to wait
 */
export function nextStep(
  records: SeenRecords,
  month: ReportMonth | null,
  mailbox: string | null,
  blocked: readonly Blocker[],
): Step {
  const step = wantedStep(records, month, mailbox, blocked);
  const { policy } = records;
  if (!policy?.testing || policy.policy === 'none' || step.action === 'end_testing') return step;
  const below = policy.policy === 'reject' ? 'quarantine' : 'none';
  const trial = `The published p=${policy.policy} is only being tried out (t=y): receivers that know it treat mail as under p=${below} (RFC 9989).`;
  return { ...step, sentence: `${step.sentence} ${trial}` };
}

function wantedStep(records: SeenRecords, month: ReportMonth | null, mailbox: string | null, blocked: readonly Blocker[]): Step {
  const { domain, policy, faults } = records;
  const step: MakeStep = (action, sentence, publish = null) => ({ action, sentence, publish });
  // Receivers that validate see no other record of the domain until this is fixed.
  const bogus = faults.find(({ code }) => code === 'dnssec_bogus');
  if (bogus !== undefined) return step('fix_records', bogus.message);
  if (isParked(records, month)) return parkedStep(records, step);
  // Reports to a domain without a mail host arrive nowhere.
  const place = mailbox ?? (records.mx === 'none' || records.mx === 'null' ? null : `dmarc@${domain}`);
  if (policy === null && records.dmarc !== 'unknown' && !faults.some(isDmarcError))
    return step(
      'publish_dmarc',
      `Publish DMARC at p=none first: it changes no delivery and brings the reports that every later step rests on.${place === null ? ` ${domain} takes no mail: add rua=mailto: and an address of a domain that does.` : ''}`,
      { name: `_dmarc.${domain}`, value: `v=DMARC1; p=none${place === null ? '' : `; rua=mailto:${place}`}` },
    );
  const unanswered = policy === null ? faults.find(({ code }) => code === 'dmarc_unknown') : undefined;
  if (unanswered !== undefined)
    return step(
      'fix_records',
      `${ended(unanswered.message)} No step can be named before it can: "ruawatch dns check ${domain}" asks again.`,
    );
  // Reports that come by another way than the one that is seen here are reports.
  const missed = faults.find(({ code }) => code === 'dmarc_no_rua' || (code === 'dmarc_not_here' && month === null));
  if (missed !== undefined)
    return step(
      'ask_for_reports',
      'Ask for reports here: without them nobody can say which mail a stricter policy would cost.',
      missed.publish,
    );
  // Receivers follow no policy of a record that they cannot read.
  const unread = faults.find(isDmarcError);
  if (unread !== undefined) return step('fix_records', unread.message, unread.publish);
  // Own mail that is being stopped comes before forged mail that gets through, and that before the rest.
  const [incident] = month?.incidents ?? [];
  if (incident?.severity === undefined || !GRAVE.has(incident.severity)) {
    const against = stepAgainstForgers(records, month, blocked, step);
    if (against !== null) return against;
  }
  const wrong = faults.find(({ severity, code }) => severity === 'error' && code !== 'spf_missing');
  if (wrong !== undefined) return step('fix_records', wrong.message, wrong.publish);
  if (incident !== undefined && (records.spf !== 'missing' || enforces(policy)))
    return step(
      'mend_senders',
      `Act on finding ${incident.finding_key} first${enforces(policy) ? `, ${stops(policy, 'this mail')}` : ''}: ${ended(incident.summary)}`,
    );
  if (records.spf === 'missing')
    return step(
      'publish_spf',
      `Publish SPF for the servers that send as the domain${named(month)}. Without SPF and DKIM, enforcement protects nothing and costs your own mail.`,
    );
  return evidenceStep(records, month, blocked, step);
}

/**
 * The step against forged mail that gets through now: mail of a denied sender that passes, forged names below
 * the domain, mail of a denied sender that the policy lets through. Null where there is none, or only the
 * usual way to a stricter policy leads there.
 */
function stepAgainstForgers(
  records: SeenRecords,
  month: ReportMonth | null,
  blocked: readonly Blocker[],
  step: MakeStep,
): Step | null {
  const denied = month?.denied ?? [];
  const passing = denied.find(({ passes }) => passes);
  if (passing !== undefined) return shutOutStep(passing, records.domain, step);
  const stopsForgers = recordAgainstForgers(records, month);
  if (stopsForgers !== undefined) return step('protect_subdomains', stopsForgers.message, stopsForgers.publish);
  const [through] = denied;
  return month === null || through === undefined || records.policy === null || enforces(records.policy)
    ? null
    : policyStep(through, { records, month, blocked, all: denied.length }, step);
}

/** Takes away what lets mail of a denied sender pass. A key that others sign with is not removed. */
function shutOutStep({ finding_key, source, keys, terms }: DeniedMail, domain: string, step: MakeStep): Step {
  const says = (what: string, publish: Publication | null = null) =>
    step('stop_denied', `${source} is denied, and its mail still passes DMARC (finding ${finding_key}): ${what}`, publish);
  const free = keys.find(({ others }) => others.length === 0);
  if (free !== undefined)
    return says(`remove the key ${free.name}, with which nobody else signs.`, { name: free.name, value: null });
  const [shared] = keys;
  if (shared !== undefined)
    return says(
      `see whether it forwards mail of ${shared.others.join(', ')}, whose key ${shared.name} signs it; if not, move these to a second selector, then remove that key.`,
    );
  if (terms.length > 0) return says(`take ${terms.join(', ')} out of the SPF record of ${domain}.`);
  return says('find the key or the SPF record by which it passes, and take it away.');
}

/**
 * What stops mail of a denied sender that fails: a policy, as far as it costs no mail of the domain's own.
 */
function policyStep(
  { finding_key, source, messages }: DeniedMail,
  { records, month, blocked, all }: { records: SeenRecords; month: ReportMonth; blocked: readonly Blocker[]; all: number },
  step: MakeStep,
): Step {
  const p = strictestBefore(month, records.policy!.policy);
  const more = all > 1 ? ` and ${all - 1} more` : '';
  const now = records.policy!.testing ? 't=y' : 'p=none';
  const begin = `${source}${more} ${all > 1 ? 'are' : 'is'} denied, and ${messages.toLocaleString('en')} messages of ${source} were delivered under ${now} (finding ${finding_key}):`;
  const hit = own(month)
    .map((one) => ({ ...one, messages: one.messages - one.passed }))
    .filter((one) => one.messages > LEAST_SHARE * sum(own(month), (of) => of.messages))
    .sort((a, b) => b.messages - a.messages);
  // That somebody changed the policy says nothing of mail.
  const [first] = blocked.filter((one) => one.why !== 'policy_new');
  if (hit.length > 0)
    return step(
      'stop_forged',
      `${begin} only a stricter policy stops them. It would stop mail of your own as well: ${listed(hit)}. Have these pass first, then publish p=${p}.`,
    );
  if (first !== undefined)
    return {
      ...step('stop_forged', `${begin} only a stricter policy stops them. Before p=${p}: ${first.sentence}`),
      waits_for: first,
    };
  return step('stop_forged', `${begin} publish p=${p}. By the reports it costs no mail of your own.`, withPolicy(records, p));
}

/** The policy that most reports of the month found before it was weakened; p=quarantine where none was. */
function strictestBefore({ policies = [] }: ReportMonth, now: string): 'quarantine' | 'reject' {
  const [before] = policies.filter(({ p }) => p !== now).sort((a, b) => b.reports - a.reports);
  return before?.p === 'reject' ? 'reject' : 'quarantine';
}

/**
 * What keeps out forged mail below the domain that is being delivered, where it costs no mail of the domain's
 * own: `np` is about names that do not exist (RFC 9989 section 4.7).
 */
function recordAgainstForgers(
  { policy, faults }: SeenRecords,
  month: ReportMonth | null,
): SeenRecords['faults'][number] | undefined {
  if (policy?.policy !== 'reject' || !month?.contested?.some(({ kind }) => kind === 'subdomain_abuse')) return undefined;
  return faults.find(
    ({ code, publish }) => code === 'dmarc_subdomains_open' && NAMES_NOBODY_HAS.every((tag) => publish?.value?.includes(tag)),
  );
}

/** A DMARC record that is there and wrong is corrected; one that is missing is published. */
const isDmarcError = ({ severity, code }: SeenRecords['faults'][number]) =>
  severity === 'error' && code.startsWith('dmarc_') && code !== 'dmarc_missing';

/** The short way of a domain that sends no mail. */
function parkedStep({ domain, closed, policy, mx }: SeenRecords, step: MakeStep): Step {
  if (!closed)
    return step('park', 'The domain sends no mail: say so, so that nobody else can (v=spf1 -all), before p=reject.', {
      name: domain,
      value: 'v=spf1 -all',
    });
  if (policy?.policy !== 'reject' || policy.testing)
    return step(
      'park',
      'The domain sends no mail: nothing is lost by refusing all of it. Publish p=reject beside "v=spf1 -all".',
      {
        name: `_dmarc.${domain}`,
        value: 'v=DMARC1; p=reject',
      },
    );
  // Where there is no address either, no mail can be delivered as it is.
  if (mx === 'address')
    return step(
      'park',
      `The domain sends no mail and refuses all that is sent as it. Publish an MX record that says it takes none either (0 and a dot; RFC 7505): ${domain}. MX 0 .`,
    );
  return step('keep', 'The domain sends no mail and refuses all that is sent as it.');
}

/** The step that the reports suggest, once the records are correct. */
function evidenceStep(records: SeenRecords, month: ReportMonth | null, blocked: readonly Blocker[], step: MakeStep): Step {
  const { policy } = records;
  if (policy === null || month === null)
    return step('gather_reports', 'Wait for reports: the first ones come within two days of the record.');
  const ours = own(month);
  const total = sum(ours, (one) => one.messages);
  const why = new Set(blocked.map((one) => one.why));
  const misaligned = ours
    .filter((one) => one.class === 'misaligned' && one.messages > LEAST_SHARE * total)
    .sort((a, b) => b.messages - a.messages);
  if (misaligned.length > 0 && (why.has('failing') || why.has('few_messages') || why.has('findings')))
    return step(
      'align_senders',
      `Align these senders first, ${enforces(policy) ? stops(policy, 'their mail') : 'or their mail is lost under a stricter policy'}: ${listed(misaligned)}. Publish the records that each of them names for its customers (its DKIM key or CNAMEs).${undecided(misaligned)}`,
    );
  if (policy.testing && policy.policy !== 'none' && blocked.length === 0)
    return step(
      'end_testing',
      'The policy is only being tried out (t=y). By the reports it costs no mail of yours: remove t=y.',
      { name: `_dmarc.${records.domain}`, value: withTags(policy.text, { t: null }) },
    );
  const alone = ours.filter((one) => one.passed - one.dkim_aligned > LEAST_SHARE * total).sort((a, b) => b.messages - a.messages);
  if (policy.policy !== 'reject' && (why.has('spf_alone') || why.has('unsigned')))
    return step(
      'sign_with_dkim',
      `Have these senders sign with DKIM before p=${policy.policy === 'none' ? 'quarantine' : 'reject'}: ${listed(alone)}. SPF alone does not survive forwarding.`,
    );
  // A trial of p=reject that something keeps from ending is not yet p=reject.
  const rejects = policy.policy === 'reject' && !(policy.testing && blocked.length > 0);
  return rejects ? stepBeyondReject(records, step) : stricterStep(records, month, blocked, step);
}

/** Towards the next stricter policy. */
function stricterStep(records: SeenRecords, month: ReportMonth, blocked: readonly Blocker[], step: MakeStep): Step {
  const [first] = blocked;
  if (first !== undefined) {
    const waiting =
      first.why === 'unknown_senders' && blocked.length === 1
        ? step(
            'explain_unknown',
            `${first.sentence} Say which of them are yours (ruawatch senders approve) before a stricter policy.`,
          )
        : step('gather_reports', `Wait and watch: ${first.sentence}`);
    return { ...waiting, waits_for: first };
  }
  const next = records.policy?.policy === 'none' ? 'quarantine' : 'reject';
  const broken = sum(month.senders, (one) => (one.class === 'forwarded' ? one.messages - one.passed : 0));
  const lists =
    next === 'reject' && broken > 0
      ? ` Mailing lists and forwarders broke ${inMonth(broken)}, which would be refused: a domain whose people write to mailing lists should stay at quarantine (RFC 9989 section 7.4).`
      : '';
  const after =
    next === 'quarantine'
      ? ' p=reject comes after it, when 30 days of reports at p=quarantine say that it costs none either.'
      : '';
  return step(
    next === 'quarantine' ? 'enforce_quarantine' : 'enforce_reject',
    `The reports of the last 30 days say that p=${next} costs no mail of yours.${unseen(month)}${lists}${after}`,
    withPolicy(records, next),
  );
}

/** What the reports of a month do not show, since reporters have stopped. */
function unseen({ silent = [] }: ReportMonth): string {
  if (silent.length === 0) return '';
  const share = Math.round(
    100 *
      Math.min(
        1,
        silent.reduce((all, one) => all + one.share, 0),
      ),
  );
  const names = silent.slice(0, MOST_NAMED).map(({ reporter }) => reporter);
  const more = silent.length > names.length ? ` and ${silent.length - names.length} more` : '';
  return ` ${names.join(', ')}${more} ${silent.length === 1 ? 'has' : 'have'} stopped reporting, so nothing is known of ${share}% of the mail.`;
}

/** What is left when the policy is p=reject. */
function stepBeyondReject({ faults }: SeenRecords, step: MakeStep): Step {
  const fault = (code: string) => faults.find((one) => one.code === code);
  const open = fault('dmarc_subdomains_open');
  if (open !== undefined) return step('protect_subdomains', open.message, open.publish);
  const tls = fault('tlsrpt_missing');
  if (tls !== undefined) return step('publish_tls_rpt', 'Ask for reports on failed TLS, the ground for MTA-STS.', tls.publish);
  const sts = fault('mta_sts_missing');
  if (sts !== undefined) return step('publish_mta_sts', sts.message);
  if (fault('bimi_missing') !== undefined)
    return step('publish_bimi', 'DMARC is enforced: a logo may be shown in mailboxes (BIMI), if you want one.');
  return step('keep', 'Nothing is left to do; ruawatch watches what changes.');
}

/**
 * A domain that sends no mail: it says so itself (`v=spf1 -all`, a null MX), or a month of reports shows none
 * of its own, it names no mail host and has no SPF. Own mail in the reports is a sign of mail, whatever the
 * records say.
 */
function isParked({ closed, mx, spf, policy }: SeenRecords, month: ReportMonth | null): boolean {
  if (month !== null && sum(own(month), (one) => one.passed) > 0) return false;
  if (closed || (mx === 'null' && spf === 'missing')) return true;
  return (
    mx === 'none' &&
    spf === 'missing' &&
    policy !== null &&
    month !== null &&
    month.days >= REPORT_DAYS &&
    own(month).length === 0
  );
}

/** That the policy stops mail that fails; `sp=none` lets through what is of names below the domain. */
const stops = (policy: SeenRecords['policy'], mail: string): string =>
  `as p=${policy?.policy} stops ${mail}${policy?.sp === 'none' ? ' (not where it is of a name below the domain, which sp=none lets through)' : ''}`;

/** A sentence with its full stop. */
const ended = (text: string) => `${text.replace(/\.$/, '')}.`;

/** What to do with a sender that is somebody else's: what a person has approved is not asked about again. */
function undecided(senders: readonly SenderMonth[]): string {
  const open = senders.filter(({ approved }) => !approved);
  if (open.length === 0) return '';
  if (open.length === senders.length) return " One that nobody of yours uses is somebody else's: deny it instead.";
  const names = open.slice(0, MOST_NAMED).map(({ source }) => source);
  const more = open.length > MOST_NAMED ? ` and ${open.length - MOST_NAMED} more` : '';
  return ` The others are approved. Of ${names.join(', ')}${more}, nobody has said whose they are: deny what nobody of yours uses.`;
}

function listed(senders: readonly SenderMonth[]): string {
  const names = senders.slice(0, MOST_NAMED).map((one) => `${one.source} (${inMonth(one.messages)})`);
  return `${names.join(', ')}${senders.length > MOST_NAMED ? ` and ${senders.length - MOST_NAMED} more` : ''}`;
}

function named(month: ReportMonth | null): string {
  const senders = month === null ? [] : own(month).sort((a, b) => b.messages - a.messages);
  return senders.length === 0 ? '' : `: the reports name ${listed(senders)}`;
}

/**
 * The record with another policy, in full (without t=y); a record of the domain itself is made where one
 * above applies.
 */
function withPolicy({ domain, policy }: SeenRecords, p: 'quarantine' | 'reject'): Publication {
  return { name: `_dmarc.${domain}`, value: withTags(policy!.text, { p, t: null }) };
}
