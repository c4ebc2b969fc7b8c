import type { DomainCheck } from '../check/check.ts';
import { own, type ReportMonth, sum } from './month.ts';
import { policyOf } from './published-policy.ts';

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

const percent = (share: number) => `${Math.floor(share * 1000) / 10}%`;

/** One reason to wait with a stricter policy. */
export interface Blocker {
  why: 'no_reports' | 'days' | 'reporters' | 'few_messages' | 'failing' | 'unknown_senders' | 'spf_alone';
  sentence: string;
}

/** Why a stricter policy would lose mail, or why that is unknown. Empty: according to the reports it is safe. */
export function* blockers(check: DomainCheck, month: ReportMonth | null): Generator<Blocker> {
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
