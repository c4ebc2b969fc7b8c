import type { Plan } from './plan.ts';
import { changeLines } from './plans/text.ts';
import type { Considered } from './rules.ts';
import type { State } from './states.ts';

/** What a state is, for people. */
export const STATE_WORDS: Record<State, string> = {
  draft: 'draft',
  pending: 'waits for a decision',
  approved: 'approved, not applied yet',
  applying: 'being applied',
  active: 'applied, and watched',
  handed_over: 'handed over to be published',
  done: 'done',
  denied: 'denied',
  expired: 'expired',
  withdrawn: 'withdrawn',
  stale: 'stale: what it would change is no longer as it was',
  failed: 'failed',
  ended: 'ended',
  returned: 'rolled back',
};

/** Why a change is wanted: what whoever asked says, and what the plan says, each once. */
export const reasonsOf = (why: string, plan: Pick<Plan, 'why'>): string[] => [...new Set([why, ...plan.why])];

/** A plan as lines of text: what is bad about it comes first, then exactly what changes. */
export function planLines(plan: Plan): string[] {
  return [
    ...plan.warnings.map((sentence) => `WARNING: ${sentence}`),
    ...plan.why,
    `Risk: ${plan.risk}. ${plan.risk_because.join(' ')}`,
    ...(plan.changes.length === 0 ? [] : ['Changes:', ...changeLines(plan).map((line) => `  ${line}`)]),
    `The way back: ${plan.back.text}`,
  ];
}

/** Who would decide and why, one line for each rule, the most specific first. */
export function consideredLines(considered: readonly Considered[]): string[] {
  const first = considered.findIndex(({ matches }) => matches);
  return considered.map(({ rule, because }, at) => {
    const how =
      rule.decide === 'automatic'
        ? `decides by itself, up to ${rule.ceiling!.per_day} a day`
        : rule.stages.map(({ group, need }) => `${need} of ${group}`).join(', then ');
    if (because !== null) return `  ${rule.name}: no, ${because}`;
    return at === first ? `> ${rule.name}: ${how}` : `  ${rule.name}: would match, but a more specific rule decides`;
  });
}
