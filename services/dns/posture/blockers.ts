import type { DomainCheck } from '../check/check.ts';
import { ORDER } from '../dmarc/applied.ts';
import { type NamedKind, own, type ReportMonth, sum } from './month.ts';
import { type SeenRecords, seenOf } from './records.ts';

/** Of the days of a month, so many with reports, from so many reporters of at least so many days each. */
export const REPORT_DAYS = 20;
export const REPORTERS = 3;
export const REPORTER_DAYS = 10;
/** Messages of the domain's own senders, and the part of them that must pass before a stricter policy. */
export const OWN_MESSAGES = 200;
export const OWN_PASSING = 0.99;
/** Where it was said already that the next policy is safe. */
const OWN_PASSING_HELD = 0.98;
/** Failing mail of senders that nothing is known of, as part of all. */
export const UNKNOWN_FAILING = 0.01;
/**
 * Mail that passes by SPF alone, as part of the own mail, from which p=reject is held back (RFC 9989 section
 * 7).
 */
export const SPF_ALONE = 0.05;
/** The part of the own mail that passes by DKIM below which nothing is set up that survives forwarding. */
const SIGNED = 0.01;
/** Reports of the month that found another policy: one that is new has brought no evidence yet. */
const OTHER_POLICY = 0.02;
/** Messages of a service that has just begun and is not set up: a finding about it is imminent. */
const JOINING = 10;
/** Days without a report after which a month is no longer the last one. */
const STALE_DAYS = 7;
const MONTH_DAYS = 30;
const DAY_MS = 86_400_000;

const number = (n: number) => n.toLocaleString('en');
const percent = (share: number) => `${Math.floor(share * 1000) / 10}%`;

/** One reason to wait with a stricter policy. */
export interface Blocker {
  why:
    | 'no_reports'
    | 'stale'
    | 'month'
    | 'days'
    | 'reporters'
    | 'policy_new'
    | 'few_messages'
    | 'failing'
    | 'unknown_senders'
    | 'joining'
    | 'findings'
    | 'contested'
    | 'unsigned'
    | 'spf_alone';
  sentence: string;
}

/**
 * Why a stricter policy would lose mail, or why that is unknown. Empty: according to the reports it is safe.
 */
export function* blockers(given: SeenRecords | DomainCheck, month: ReportMonth | null): Generator<Blocker> {
  const { policy } = seenOf(given);
  if (month === null)
    return yield { why: 'no_reports', sentence: 'No trusted report on the domain has arrived in the last 30 days.' };
  const p = policy?.policy ?? null;
  const rest = [...mailBlockers(month, p), ...findingBlockers(month, policy)];
  yield* evidenceBlockers(month, p, { testing: policy?.testing === true, costs: rest.some(costs) });
  yield* rest;
}

/** Whether it says that a stricter policy would cost mail, of what the reports say of mail. */
const costs = ({ why }: Blocker): boolean => why !== 'few_messages';

/** Whether receivers are asked to stop what fails. */
export const enforces = (policy: SeenRecords['policy']): boolean =>
  policy !== null && policy.policy !== 'none' && !policy.testing;

/** What the evidence lacks. @param now.costs whether a stricter policy would cost mail */
function* evidenceBlockers(
  month: ReportMonth,
  p: string | null,
  { testing, costs }: { testing: boolean; costs: boolean },
): Generator<Blocker> {
  const { first, newest, policies = [] } = month;
  if (newest !== undefined && days(newest, month.to) > STALE_DAYS)
    yield { why: 'stale', sentence: `The newest report is about ${newest}: nothing is known of the mail since.` };
  if (first !== undefined && newest !== undefined && days(first, newest) < MONTH_DAYS - 1)
    yield { why: 'month', sentence: `Reports reach back to ${first}; a month is needed.` };
  if (month.days < REPORT_DAYS)
    yield { why: 'days', sentence: `Reports cover ${month.days} of the last 30 days; ${REPORT_DAYS} are needed.` };
  if (month.reporters < REPORTERS)
    yield {
      why: 'reporters',
      sentence: `${month.reporters} of the ${REPORTERS} regular reporters that are needed have reported (on ${REPORTER_DAYS} days or more).`,
    };
  const all = policies.reduce((n, one) => n + one.reports, 0);
  // A trial (t=y) that is over shows how those who know it treated mail at a weaker policy; those who do not
  // know it never say t=y.
  const other = policies.reduce((n, one) => n + (one.p === p && (testing || one.t !== 'y') ? 0 : one.reports), 0);
  if (p !== null && other > OTHER_POLICY * all)
    yield {
      why: 'policy_new',
      sentence: newPolicy(p, percent(other / all), policies, { testing, costs }),
    };
}

/**
 * That a policy is new. Where the one before was stricter, somebody weakened it; whoever goes back to it at
 * once loses the mail that it would cost.
 */
function newPolicy(
  p: string,
  part: string,
  policies: NonNullable<ReportMonth['policies']>,
  { testing, costs }: { testing: boolean; costs: boolean },
): string {
  const [before] = policies.filter((one) => one.p !== p).sort((a, b) => b.reports - a.reports);
  const now = `p=${p}${testing ? '; t=y' : ''} is new: ${part} of the reports of the last 30 days found`;
  const strength = (policy: string) => (ORDER as readonly string[]).indexOf(policy);
  if (before?.p == null || strength(before.p) < 0) return `${now} another policy.`;
  if (strength(before.p) <= strength(p)) return `${now} p=${before.p}.`;
  return `${now} p=${before.p}, which is stricter. ${
    costs
      ? 'Find out who weakened it, and go back to it once what else is named here is settled: until then, it costs mail.'
      : 'If nobody of yours weakened it on purpose, publish that again.'
  }`;
}

/** What mail would be lost. */
function* mailBlockers(month: ReportMonth, p: string | null): Generator<Blocker> {
  const ours = own(month);
  const messages = sum(ours, (one) => one.messages);
  const passed = sum(ours, (one) => one.passed);
  const needed = month.held ? OWN_PASSING_HELD : OWN_PASSING;
  if (messages < OWN_MESSAGES)
    yield {
      why: 'few_messages',
      sentence: `The reports name ${messages} ${messages === 1 ? 'message' : 'messages'} of the domain's own senders; ${OWN_MESSAGES} are needed.`,
    };
  else if (passed < needed * messages)
    yield {
      why: 'failing',
      sentence: `${percent(passed / messages)} of your own senders' mail of the last 30 days passes DMARC (${number(passed)} of ${number(messages)} messages; what others send or forward is not counted); ${percent(needed)} is needed.`,
    };
  const all = sum(month.senders, (one) => one.messages);
  const unknown = sum(month.senders, (one) => (one.class === 'unknown' ? one.messages - one.passed : 0));
  if (unknown > UNKNOWN_FAILING * all)
    yield {
      why: 'unknown_senders',
      sentence: `${number(unknown)} failing messages come from senders that nothing is known of (${percent(unknown / all)}; ${percent(UNKNOWN_FAILING)} at most).`,
    };
  const signed = sum(ours, (one) => Math.min(one.passed, one.dkim_aligned));
  if (messages >= OWN_MESSAGES && signed < SIGNED * messages)
    yield {
      why: 'unsigned',
      sentence: 'None of the own mail to speak of is signed with DKIM as the domain: what is forwarded would be lost.',
    };
  else if (p === 'quarantine' && messages > 0 && passed - signed > SPF_ALONE * messages)
    yield {
      why: 'spf_alone',
      sentence: `${percent((passed - signed) / messages)} of the own mail passes by SPF alone, which does not survive forwarding: it must be signed before p=reject.`,
    };
}

/** What findings say against it. */
function* findingBlockers(
  { against = [], contested = [], joining = 0, held = false }: ReportMonth,
  policy: SeenRecords['policy'],
): Generator<Blocker> {
  if (against.length > 0)
    yield {
      why: 'findings',
      sentence: `Open findings ${whatItCosts(against, policy)}: ${namesOf(against)}.`,
    };
  if (held) return;
  // Where the policy is the strictest, forged mail that gets through is no reason to wait, let alone for a
  // milder one: what closes it is the next step (stepAgainstForgers).
  if (contested.length > 0 && !(policy?.policy === 'reject' && enforces(policy)))
    yield {
      why: 'contested',
      sentence: `Forged mail is being delivered (${namesOf(contested)}): settle which of it is yours first.`,
    };
  if (joining >= JOINING)
    yield { why: 'joining', sentence: `A service that is not set up has just begun to send (${joining} messages).` };
}

/** What the findings say of mail: of what `sp` lets through below the domain, another `p` stops nothing. */
function whatItCosts(against: readonly NamedKind[], policy: SeenRecords['policy']): string {
  if (!enforces(policy)) return 'say that it would cost mail now';
  return policy?.sp === 'none' && against.every(({ delivered }) => delivered)
    ? 'name mail of yours that fails and that sp=none lets through: a stricter sp would cost it'
    : 'say that the policy costs mail';
}

const namesOf = (kinds: readonly NamedKind[]) => [...new Set(kinds.map(({ name }) => `“${name}”`))].join(', ');

/** From one day to another. */
const days = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
