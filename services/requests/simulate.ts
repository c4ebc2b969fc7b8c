import { dayOf } from '../shared/days.ts';
import type { Plan } from './plan.ts';
import { type Approvals, choose, isReachable, type Rule, type Used } from './rules.ts';
import type { State } from './states.ts';

/** A request of the past, with what became of it. */
export interface Past {
  request_key: number;
  plan: Plan;
  requester: string;
  requester_kind: 'person' | 'playbook' | 'service';
  created_at: Date;
  state: State;
  /** It was decided by a rule, by people, by break-glass, or by nobody. */
  by: 'rule' | 'people' | 'emergency' | 'nobody';
  /** What they decided; null for nobody. */
  decision: 'approved' | 'denied' | null;
  /** The rule that was frozen into it. */
  rule: string;
}

/** What rules would have done with a request. */
export interface Simulated {
  request_key: number;
  /** The rule that would have decided; null when none is for it. */
  rule: string | null;
  would: 'approve' | 'ask' | 'unreachable' | 'no_rule';
  /** How that differs from what happened; null when it does not. */
  differs: Difference | null;
}

/**
 * - `denied_by_people`: a rule would approve what people denied.
 * - `undone`: a rule would approve what was taken back, or failed after people approved it.
 * - `not_decided`: a rule would approve what nobody approved in time, or what was withdrawn.
 * - `saved`: a rule would approve what people approved.
 * - `asked_now`: people would be asked about what a rule decided.
 * - `no_rule`: nothing would decide about it; `unreachable`: too few people are in the groups.
 */
export const DIFFERENCES = ['denied_by_people', 'undone', 'not_decided', 'unreachable', 'no_rule', 'asked_now', 'saved'] as const;
export type Difference = (typeof DIFFERENCES)[number];

/**
 * What rules would have decided about requests of the past, in the order in which they were opened: ceilings
 * count what the rules themselves would have decided on the day (UTC). Nothing is changed. Pure.
 */
export function simulate({ rules, groups }: Pick<Approvals, 'rules' | 'groups'>, history: readonly Past[]): Simulated[] {
  const counted = new Map<string, number>();
  const add = (key: string) => counted.set(key, (counted.get(key) ?? 0) + 1);
  return [...history]
    .sort((a, b) => a.created_at.getTime() - b.created_at.getTime() || a.request_key - b.request_key)
    .map((past) => {
      const day = dayOf(past.created_at);
      const used = (rule: string): Used => ({
        all: counted.get(`${day} ${rule}`) ?? 0,
        domain: counted.get(`${day} ${rule} ${past.plan.domain}`) ?? 0,
      });
      const rule = choose(rules, { plan: past.plan, requester: past.requester_kind }, used);
      const would = wouldOf(rule, groups, past.requester);
      if (would === 'approve') {
        add(`${day} ${rule!.name}`);
        add(`${day} ${rule!.name} ${past.plan.domain}`);
      }
      return { request_key: past.request_key, rule: rule?.name ?? null, would, differs: differenceOf(past, would) };
    });
}

function wouldOf(rule: Rule | null, groups: Approvals['groups'], requester: string): Simulated['would'] {
  if (rule === null) return 'no_rule';
  if (rule.decide === 'automatic') return 'approve';
  return isReachable(rule.stages, (group) => (Object.hasOwn(groups, group) ? groups[group]! : []), new Set([requester]))
    ? 'ask'
    : 'unreachable';
}

function differenceOf({ by, decision, state }: Past, would: Simulated['would']): Difference | null {
  if (would === 'no_rule' || would === 'unreachable') return would;
  if (would === 'ask') return by === 'rule' ? 'asked_now' : null;
  if (decision === 'denied') return 'denied_by_people';
  if (by !== 'rule' && (state === 'returned' || state === 'failed')) return 'undone';
  if (by === 'nobody') return state === 'expired' || state === 'withdrawn' ? 'not_decided' : 'saved';
  return by === 'rule' ? null : 'saved';
}
