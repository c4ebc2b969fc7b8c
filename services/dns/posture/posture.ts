import type { DomainCheck } from '../check/check.ts';
import { blockers } from './blockers.ts';
import type { ReportMonth } from './month.ts';
import { nextStep, type Step } from './next-step.ts';
import { policyOf } from './published-policy.ts';

/** How far a domain has come, in the order that works. Each stage has the ones before it. */
export const STAGES = ['nothing', 'spf', 'dkim', 'none', 'quarantine', 'reject', 'bimi'] as const;
export type Stage = (typeof STAGES)[number];

export interface Posture {
  domain: string;
  stage: Stage;
  next: Step;
  /** Why the stage after this one is not taken yet; sentences. */
  blocked_by: readonly string[];
}

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
