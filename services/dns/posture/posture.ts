import type { DomainCheck } from '../check/check.ts';
import { type Blocker, blockers } from './blockers.ts';
import type { ReportMonth } from './month.ts';
import { nextStep, type Step } from './next-step.ts';
import { type SeenRecords, seenOf } from './records.ts';

/** How far a domain has come, in the order that works. Each stage has the ones before it. */
export const STAGES = ['nothing', 'spf', 'dkim', 'none', 'quarantine', 'reject', 'bimi'] as const;
/** `unknown`: nobody could say what is published. */
export type Stage = (typeof STAGES)[number] | 'unknown';

export interface Posture {
  domain: string;
  stage: Stage;
  next: Step;
  /** Why the stage after this one is not taken yet; sentences. */
  blocked_by: readonly string[];
  /**
   * The policy that the reports say is safe to take next, or to apply in full (without t=y); null: none, or
   * it is unknown.
   */
  ready_for: 'quarantine' | 'reject' | null;
  /** All that a logo in mailboxes needs is there, and no BIMI record yet. */
  bimi_ready: boolean;
}

/**
 * How far a domain has come and what to do next: `p=none` with reports comes first at every stage, since it
 * brings the evidence; SPF and DKIM of the own senders come before any enforcement, which would cost their
 * mail. The view dmarc.posture, `policy status`, the digest and the findings policy_ready and bimi_ready all
 * say what this says.
 * @param given what is known of the records, or the check that says it
 * @param month what trusted reports say; null when there are none
 * @param mailbox the address that reports should go to; null when no mailbox is set
 */
export function postureOf(given: SeenRecords | DomainCheck, month: ReportMonth | null, mailbox: string | null): Posture {
  const records = seenOf(given);
  const blocked = [...blockers(records, month)];
  const next = nextStep(records, month, mailbox, blocked);
  const { policy, bimi } = records;
  const enforced = policy !== null && policy.policy !== 'none' && !policy.testing && policy.sp !== 'none';
  return {
    domain: records.domain,
    stage: stageOf(records),
    next,
    // Where the step says which policy stops forged mail, and what comes before it, that the one that lets it
    // through is new is no reason to wait.
    blocked_by: blocked
      .filter(({ why }) => next.action !== 'stop_forged' || why !== 'policy_new')
      .map(({ sentence }) => sentence),
    ready_for: readyFor(next, records),
    bimi_ready:
      enforced && bimi === 'missing' && records.spf !== 'invalid' && records.dmarc === 'valid' && sendsSafely(month, blocked),
  };
}

function readyFor({ action }: Step, { policy }: SeenRecords): Posture['ready_for'] {
  if (action === 'enforce_quarantine') return 'quarantine';
  if (action === 'enforce_reject') return 'reject';
  return action === 'end_testing' && policy !== null && policy.policy !== 'none' ? policy.policy : null;
}

/** Whether reports show that the domain's mail gets through as it is. */
function sendsSafely(month: ReportMonth | null, blocked: readonly Blocker[]): boolean {
  return month !== null && !blocked.some(({ why }) => ['stale', 'days', 'few_messages', 'failing', 'findings'].includes(why));
}

/** The highest stage whose records all exist without errors. */
function stageOf({ policy, bimi, spf, dkim, dmarc }: SeenRecords): Stage {
  if (policy !== null) return policy.policy !== 'none' && bimi === 'valid' ? 'bimi' : policy.policy;
  if (dmarc === 'unknown') return 'unknown';
  if (spf !== 'valid') return 'nothing';
  return dkim === 'valid' ? 'dkim' : 'spf';
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
