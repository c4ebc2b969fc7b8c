import { ORDER, policiesOf } from '../../dns/dmarc/applied.ts';
import { type Policy, parseDmarc } from '../../dns/dmarc/record.ts';
import { counted, list, percent } from '../../shared/format.ts';

/** How much of a domain's mail is seen by receivers that know `t=y`: those whose reports follow RFC 9990. */
export interface TestingKnown {
  days: number;
  messages: number;
  /** Of these, by reporters that know it. */
  knowing: number;
  /** Reporters that do not, those of the most mail first. */
  others: readonly string[];
}

const MOST_NAMED = 5;

const shareOf = ({ messages, knowing }: TestingKnown): number => (messages === 0 ? 0 : knowing / messages);

/**
 * Whether a stricter policy may go by way of `t=y`: where those who know it cover enough of the mail, and
 * where it weakens nothing that is published already, such as a strict `sp` (it makes each policy one step
 * weaker).
 */
export function mayHalve(text: string, to: Policy, known: TestingKnown, share: number | null): boolean {
  if (share === null || known.messages === 0 || shareOf(known) < share) return false;
  const record = parseDmarc(text);
  if (record?.p == null || record.testing || ORDER.indexOf(to) <= ORDER.indexOf(record.p)) return false;
  const before = policiesOf(record, record.p);
  const after = policiesOf({ ...record, p: to, testing: true }, to);
  return (['policy', 'subdomains', 'nonexistent'] as const).every((of) => ORDER.indexOf(after[of]) >= ORDER.indexOf(before[of]));
}

const DOES: Record<Policy, string> = { none: 'deliver', quarantine: 'quarantine', reject: 'reject' };

/** What a half step does, at those who know it and at all others. */
export function halfStepWords(to: Policy, known: TestingKnown): string[] {
  const below = ORDER[Math.max(0, ORDER.indexOf(to) - 1)]!;
  const others = known.messages - known.knowing;
  return [
    `t=y is half a step: receivers that know it treat failing mail as under p=${below} until t=y is removed. They report ${percent(shareOf(known))} of ${counted(known.messages, 'message')} of the last ${counted(known.days, 'day')}.`,
    others === 0
      ? `Receivers that do not know it ${DOES[to]} failing mail at once; none of them reports.`
      : `All others do not know it and ${DOES[to]} failing mail at once: ${counted(others, 'message')}, reported by ${list(known.others, MOST_NAMED)}. There is no pct any more (RFC 9989).`,
  ];
}

/** Why half a step that somebody wants is none. */
export function noHalfStepWords(domain: string, known: TestingKnown, share: number | null): string {
  if (share === null) return 'The settings want no half steps (approvals.half_step_share).';
  if (known.messages === 0)
    return `No report of the last ${counted(known.days, 'day')} shows which receivers of mail of ${domain} know t=y: ask for the whole step.`;
  if (shareOf(known) < share)
    return `Receivers that know t=y report ${percent(shareOf(known))} of the mail of ${domain}, and ${percent(share)} is needed: all others would apply the policy at once. Ask for the whole step.`;
  return `With t=y the step would weaken what ${domain} publishes already, or is none towards a stricter policy: ask for the whole step.`;
}

/** Why a step is whole. */
export function wholeStepWords(known: TestingKnown): string {
  return `It is a whole step, not one with t=y: receivers that know t report ${percent(shareOf(known))} of the mail, and the others would apply the policy all the same.`;
}
