import { z } from 'zod';
import { decidedAs, domainsOf } from './decided-as.ts';
import { KINDS, type Kind, type Plan, RISKS, type Risk, sizeOf } from './plan.ts';

const person = z
  .string()
  .regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address')
  .transform((text) => text.toLowerCase());
const groupName = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be a name in lower case, such as mail-admins');
const hours = (most: number) => z.number().positive().max(most);

const stageSchema = z.strictObject({
  /** Who decides. */
  group: groupName,
  /**
   * Whose mailboxes it comes to: a group of some of those people. All of them may decide; without it, all are
   * mailed.
   */
  ask: groupName.nullable().default(null),
  /** How many different people of it. */
  need: z.int().min(1).max(20).default(1),
  /** How long they have; then the request expires. Nothing is ever approved by silence. */
  within_hours: hours(24 * 30).default(72),
  /** A reminder after this time, then after twice as long, and so on. */
  remind_hours: hours(24 * 30)
    .nullable()
    .default(24),
  /** Who is asked too when nobody decides. */
  escalate: z
    .strictObject({
      /** Counted from the sending before it. */
      after_hours: hours(24 * 30),
      times: z.int().min(1).max(10).default(1),
      to: groupName,
    })
    .nullable()
    .default(null),
});
export type Stage = z.infer<typeof stageSchema>;

const condition = z.strictObject({
  kinds: z.array(z.enum(KINDS)).min(1).optional(),
  /** "example.com", or "*.example.com" for the names below it. */
  domains: z
    .array(z.string().regex(/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/))
    .min(1)
    .optional(),
  /** The plan's risk is at most this. */
  risk: z.enum(RISKS).optional(),
  /** The kinds of findings that it is about. */
  findings: z
    .array(z.string().regex(/^[a-z_]+$/))
    .min(1)
    .optional(),
  /** Who asks. */
  requester: z.enum(['person', 'playbook', 'service']).optional(),
  /** The plan changes at most so many records. */
  size: z.int().min(1).optional(),
});
export type Condition = z.infer<typeof condition>;

const time = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 08:00');
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

const windowSchema = z.strictObject({ days: z.array(z.enum(DAYS)).min(1), from: time, to: time });
export type ApplyWindow = z.infer<typeof windowSchema>;

const ruleSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be a name in lower case, such as routine'),
    when: condition.prefault({}),
    decide: z.enum(['automatic', 'people']).default('people'),
    /** Of a rule that decides by itself: how much it may do. Above that, the next rule decides. */
    ceiling: z
      .strictObject({ per_day: z.int().min(1), per_domain_day: z.int().min(1).optional() })
      .nullable()
      .default(null),
    stages: z.array(stageSchema).max(5).default([]),
    /** So many people who say no end a request. */
    denials: z.int().min(1).max(20).default(1),
    /** How long an approval holds until it is applied. */
    apply_within_hours: hours(24 * 30).default(24),
    /** When changes are made, in UTC; always without this. */
    windows: z.array(windowSchema).max(20).default([]),
  })
  .superRefine((rule, ctx) => {
    const say = (message: string) => ctx.addIssue({ code: 'custom', message });
    if (rule.decide === 'automatic' && rule.ceiling === null) say('decides by itself and has no ceiling: set ceiling.per_day');
    if (rule.decide === 'automatic' && rule.stages.length > 0) say('decides by itself: remove its stages, or decide: automatic');
    if (rule.decide === 'people' && rule.stages.length === 0) say('has no stages: name who decides');
    if (rule.decide === 'people' && rule.ceiling !== null) say('has a ceiling, which is for rules that decide by themselves');
    if (rule.windows.some(({ from, to }) => from >= to)) say('has a window that ends before it begins: use two windows');
  });
export type Rule = z.infer<typeof ruleSchema>;

/** `approvals:` of ruawatch.yaml. Without rules nothing is requested: plans are texts to paste. */
export const approvalsSchema = z
  .strictObject({
    groups: z.record(groupName, z.array(person).min(1)).default({}),
    /** Who decides in somebody's place, and when. */
    deputies: z
      .array(z.strictObject({ for: person, by: person, from: z.iso.date(), until: z.iso.date() }))
      .max(1000)
      .default([]),
    rules: z.array(ruleSchema).max(200).default([]),
    /** Who may decide alone when mail is on fire, for how long, and who looks back at it. */
    emergency: z
      .strictObject({ group: groupName, ends_hours: hours(72).default(4), review: groupName })
      .nullable()
      .default(null),
    /** Requests that open by themselves when a finding does. */
    playbooks: z.enum(['on', 'off']).default('on'),
    /**
     * Where receivers that know `t=y` report at least this share of a domain's mail, a stricter policy comes
     * by way of it: half a step. Null: never.
     */
    half_step_share: z.number().min(0.5).max(1).nullable().default(0.8),
  })
  .prefault({})
  .superRefine((given, ctx) => {
    for (const message of mistakesOf(given)) ctx.addIssue({ code: 'custom', message });
  });
export type Approvals = z.infer<typeof approvalsSchema>;

/**
 * What is wrong with settings that are valid each by itself: a quorum that nobody can reach, names that are
 * not there.
 */
function mistakesOf({ groups, rules, emergency }: Pick<Approvals, 'groups' | 'rules' | 'emergency'>): string[] {
  const mistakes: string[] = [];
  const names = new Set<string>();
  for (const rule of rules) {
    if (names.has(rule.name)) mistakes.push(`two rules are named "${rule.name}"`);
    names.add(rule.name);
    const unknown = rule.stages.flatMap((stage) => [
      stage.group,
      ...(stage.escalate ? [stage.escalate.to] : []),
      ...(stage.ask === null ? [] : [stage.ask]),
    ]);
    for (const group of unknown)
      if (!Object.hasOwn(groups, group)) mistakes.push(`rule "${rule.name}" names the group "${group}", which is not in groups`);
    if (unknown.every((group) => Object.hasOwn(groups, group)) && !isReachable(rule.stages, (group) => groups[group] ?? []))
      mistakes.push(`rule "${rule.name}" needs more people than its groups have: lower need, or add people`);
    for (const { group, ask } of rule.stages)
      if (ask !== null && !(groups[ask] ?? []).every((person) => groups[group]?.includes(person)))
        mistakes.push(`rule "${rule.name}" asks "${ask}", of whom not all are in "${group}", which decides`);
  }
  for (const group of emergency === null ? [] : [emergency.group, emergency.review])
    if (!Object.hasOwn(groups, group)) mistakes.push(`emergency names the group "${group}", which is not in groups`);
  return mistakes;
}

/** What decides about a request, as it was when the request was made. */
export const frozenSchema = z.strictObject({
  rule: z.string(),
  decide: z.enum(['automatic', 'people']),
  stages: z.array(stageSchema),
  denials: z.int().min(1),
  apply_within_hours: z.number().positive(),
  windows: z.array(windowSchema),
});

export type Frozen = z.infer<typeof frozenSchema>;

export const freeze = ({ name, decide, stages, denials, apply_within_hours, windows }: Rule): Frozen => ({
  rule: name,
  decide,
  stages,
  denials,
  apply_within_hours,
  windows,
});

/** What a rule looks at. */
export interface Subject {
  plan: Pick<Plan, 'kind' | 'domain' | 'risk' | 'changes' | 'finding'>;
  requester: 'person' | 'playbook' | 'service';
}

/** How often a rule decided by itself since the beginning of the day (UTC), in all and for the domain. */
export interface Used {
  all: number;
  domain: number;
}

/** Why a rule decides, or why it does not. */
export interface Considered {
  rule: Rule;
  matches: boolean;
  /** The first reason why it does not; null when it does. */
  because: string | null;
}

/**
 * All rules, the most specific first, each with the reason why it does not match. The first that matches
 * decides.
 */
export function consider(rules: readonly Rule[], subject: Subject, used: (rule: string) => Used): Considered[] {
  return bySpecificity(rules, domainsOf(subject.plan)).map((rule) => {
    const because = mismatch(rule, subject) ?? overCeiling(rule, used(rule.name));
    return { rule, matches: because === null, because };
  });
}

/** The rule that decides; null when none matches. */
export function choose(rules: readonly Rule[], subject: Subject, used: (rule: string) => Used): Rule | null {
  return consider(rules, subject, used).find(({ matches }) => matches)?.rule ?? null;
}

function bySpecificity(rules: readonly Rule[], domains: readonly string[]): Rule[] {
  const keys = new Map(rules.map((rule, at) => [rule, [...specificity(rule.when, domains), -at]]));
  return [...rules].sort((a, b) => compare(keys.get(b)!, keys.get(a)!));
}

/** The longest domain that names it, then the number of other conditions. */
function specificity({ domains: patterns, ...others }: Condition, domains: readonly string[]): number[] {
  const lengths = (patterns ?? [])
    .filter((pattern) => domains.some((domain) => names(pattern, domain)))
    .map((pattern) => (pattern.startsWith('*.') ? pattern.length - 2 : 1000 + pattern.length));
  return [Math.max(0, ...lengths), Object.values(others).filter((value) => value !== undefined).length];
}

/** By the first number that differs: at the latest the last one, the place of the rule, does. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return a[at]! - b[at]!;
}

const names = (pattern: string, domain: string) =>
  pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : pattern === domain;

const atMost = (risk: Risk, most: Risk) => RISKS.indexOf(risk) <= RISKS.indexOf(most);

function mismatch({ when, decide }: Rule, { plan, requester }: Subject): string | null {
  const { kinds, domains, risk, findings, size } = when;
  const as = decidedAs(plan);
  // A rule for rotations that run unattended says nothing of a key that somebody brings.
  const wanted = decide === 'automatic' ? [as, plan.kind] : [as];
  if (kinds !== undefined && !wanted.every((kind) => (kinds as readonly Kind[]).includes(kind)))
    return `it is for ${kinds.join(', ')}${as === plan.kind ? '' : `, and this is decided as ${as}`}`;
  if (domains !== undefined && !domains.some((pattern) => domainsOf(plan).some((domain) => names(pattern, domain))))
    return `it is for ${domains.join(', ')}`;
  if (risk !== undefined && !atMost(plan.risk, risk)) return `the risk is ${plan.risk}, above ${risk}`;
  if (findings !== undefined && (plan.finding === null || !findings.includes(plan.finding.kind)))
    return `it is for findings of ${findings.join(', ')}`;
  if (when.requester !== undefined && when.requester !== requester) return `it is for requests of a ${when.requester}`;
  if (size !== undefined && sizeOf(plan) > size) return `${sizeOf(plan)} records change, more than ${size}`;
  return null;
}

function overCeiling({ ceiling }: Rule, used: Used): string | null {
  if (ceiling === null) return null;
  if (used.all >= ceiling.per_day) return `it has decided ${used.all} times today, its ceiling`;
  if (ceiling.per_domain_day !== undefined && used.domain >= ceiling.per_domain_day)
    return `it has decided ${used.domain} times today for this domain, its ceiling`;
  return null;
}

/**
 * Whether enough different people are there for all stages: each person decides once about a request,
 * whatever groups he is in.
 * @param without who may not decide: the requester
 */
export function isReachable(
  stages: readonly Pick<Stage, 'group' | 'need'>[],
  membersOf: (group: string) => readonly string[],
  without: ReadonlySet<string> = new Set(),
): boolean {
  const places = stages.flatMap(({ group, need }) => Array<string>(need).fill(group));
  const people = new Map(stages.map(({ group }) => [group, [...new Set(membersOf(group))].filter((one) => !without.has(one))]));
  const takenBy = new Map<string, number>();
  /** An augmenting path: whoever is placed already moves to another place if he can. */
  const place = (at: number, tried: Set<string>): boolean =>
    (people.get(places[at]!) ?? []).some((one) => {
      if (tried.has(one)) return false;
      tried.add(one);
      const other = takenBy.get(one);
      if (other !== undefined && !place(other, tried)) return false;
      takenBy.set(one, at);
      return true;
    });
  return places.every((_, at) => place(at, new Set()));
}

/** Whether a change may be made at a moment. */
export function isOpen(windows: readonly ApplyWindow[], at: Date): boolean {
  if (windows.length === 0) return true;
  const day = DAYS[at.getUTCDay()]!;
  const minute = at.toISOString().slice(11, 16);
  return windows.some(({ days, from, to }) => days.includes(day) && minute >= from && minute < to);
}
