import { type Plan, readable, type SealedPlan, seal } from '../../requests/plan.ts';
import {
  type Considered,
  choose,
  consider,
  type Frozen,
  freeze,
  isReachable,
  type Rule,
  type Used,
} from '../../requests/rules.ts';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { ownDomainOf } from '../domains/domains.ts';
import { insertGrant } from '../grants/grants.ts';
import { ownersOfService } from '../grants/holders.ts';
import { useLentScope } from '../grants/lent-scope.ts';
import { lockNamed } from '../locks.ts';
import { askerOf, note } from './events.ts';
import { decidersOf, loadSeats, type Members, ownersOf } from './groups.ts';
import { momentOf, move, type Request } from './requests.ts';
import { namesOf } from './same-person.ts';
import { hoursAfter, setTimers } from './timers.ts';

export interface NewRequest {
  plan: Plan;
  requester: string;
  requester_kind: Request['requester_kind'];
  why: string;
  /** The playbook that opened it, and the finding: at most one open request for both. */
  playbook?: string;
  /** What belongs to the request, written with it. */
  also?: (tx: Tx, request_key: number) => Promise<unknown>;
  /** Who may not decide about it, beside whoever asks. */
  not_by?: readonly string[];
  /** Of a plan that lends a right: what its target verifies the holder by. */
  credential?: string | null;
}

/** How often each rule decided by itself since the beginning of the day (UTC), in all and for a domain. */
async function usedToday(q: Queryable, domain: string, at: Date): Promise<(rule: string) => Used> {
  const { rows } = await q.query<{ rule: string; all: number; domain: number }>(
    `select rule ->> 'rule' as rule, count(*) as "all", count(*) filter (where domain = $1) as domain
       from ruawatch.requests
      where rule ->> 'decide' = 'automatic' and created_at >= date_trunc('day', $2::timestamptz, 'UTC')
      group by 1`,
    [domain, at],
  );
  const used = new Map(rows.map((row) => [row.rule, row]));
  return (rule) => used.get(rule) ?? { all: 0, domain: 0 };
}

/** Which rule would decide about a plan now, and why the others would not. Nothing is opened. */
export async function explain(
  q: Queryable,
  rules: readonly Rule[],
  { plan, requester_kind: requester }: Pick<NewRequest, 'plan' | 'requester_kind'>,
  at: Date,
): Promise<Considered[]> {
  return consider(rules, { plan, requester }, await usedToday(q, plan.domain, at));
}

/**
 * Opens a request: the rule that decides is chosen and frozen into it, and its first stage begins, or the
 * rule decides.
 * @param at null for the database's clock
 * @returns its key; null when the playbook has an open request about the finding already
 * @throws PermanentError `no_rule`, `nobody_can_approve`, `wrong_domain`
 */
export async function openRequest(
  db: Db,
  rules: readonly Rule[],
  given: NewRequest,
  at: Date | null = null,
): Promise<number | null> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'requests');
    return openLocked(tx, rules, given, await momentOf(tx, at));
  });
}

/** What one person or program may have open at once: more is a flood, and no decider reads it. */
const MOST_OPEN = 100;

/** @throws PermanentError `too_many_open` */
export async function checkOpen(q: Queryable, { requester }: Pick<NewRequest, 'requester'>): Promise<void> {
  const { rows } = await q.query<{ open: number }>(
    "select count(*) as open from ruawatch.requests where requester = $1 and requester_kind <> 'playbook' and state in ('draft', 'pending')",
    [requester],
  );
  if (rows[0]!.open >= MOST_OPEN)
    throw new PermanentError(
      'too_many_open',
      `${requester} has ${MOST_OPEN} requests that wait for a decision: withdraw some first.`,
    );
}

/** The same in a transaction that has the lock `requests`. @throws as `openRequest` */
export async function openLocked(tx: Tx, rules: readonly Rule[], given: NewRequest, now: Date): Promise<number | null> {
  const { plan, requester_kind: requester } = given;
  await checkDomain(tx, plan);
  const opened = async (key: number | null) => {
    if (key !== null) await given.also?.(tx, key);
    return key;
  };
  const lent = await lentFor(tx, given);
  if (lent !== null) return opened(await open(tx, lent, given, now));
  const rule = choose(rules, { plan, requester }, await usedToday(tx, plan.domain, now));
  if (rule === null)
    throw new PermanentError(
      'no_rule',
      `No rule of approvals is for ${plan.kind} of ${plan.domain}: "ruawatch requests explain" shows why; add a rule without conditions for all the rest.`,
    );
  return opened(await open(tx, freeze(rule), given, now));
}

/** @throws PermanentError `wrong_domain` for a record of an own domain below the one that the plan names */
async function checkDomain(q: Queryable, { domain, changes }: Plan): Promise<void> {
  for (const change of changes) {
    if (change.target !== 'dns') continue;
    const own = await ownDomainOf(q, change.name);
    if (own?.endsWith(`.${domain}`))
      throw new PermanentError('wrong_domain', `${change.name} belongs to your domain ${own}: ask for it as a change of ${own}.`);
  }
}

/** Hours within which what a grant decides is applied. */
const APPLY_WITHIN_HOURS = 1;

/**
 * What decides instead of a rule when the person holds a grant for all that is to be changed; null without
 * one.
 */
async function lentFor(tx: Tx, { plan, requester, requester_kind }: NewRequest): Promise<Frozen | null> {
  if (requester_kind === 'playbook' || plan.warnings.length > 0) return null;
  const grant = await useLentScope(tx, { holder: requester, holder_kind: requester_kind }, plan.changes);
  if (grant === null) return null;
  const apply_within_hours = APPLY_WITHIN_HOURS;
  return { rule: `grant ${grant}`, decide: 'automatic', stages: [], denials: 1, apply_within_hours, windows: [] };
}

/**
 * Opens a request that a rule decides which was frozen before.
 * @throws PermanentError `nobody_can_approve`
 */
export async function open(tx: Tx, rule: Frozen, asked: NewRequest, now: Date): Promise<number | null> {
  const given = { ...asked, plan: readable(asked.plan) };
  const seats = await loadSeats(tx, now);
  const { requester, requester_kind, not_by = [] } = given;
  const people = [...not_by, ...(requester_kind === 'service' ? await ownersOfService(tx, requester) : [requester])];
  const askers = [requester, ...(await namesOf(tx, people))];
  if (rule.decide === 'people') checkQuorum(rule, askers, ownersOf(seats));
  const key = await insert(tx, { rule, given, sealed: seal(given.plan), now });
  if (key === null) return null;
  for (const change of given.plan.changes)
    if (change.target === 'grant')
      await insertGrant(tx, { request_key: key, domain: given.plan.domain, credential: given.credential ?? null }, change);
  if (rule.decide === 'automatic') await decideByRule(tx, key, { rule, given, now });
  else
    await beginStage(tx, key, {
      rule,
      stage: 0,
      now,
      membersOf: decidersOf(seats, { askers, votes: [] }),
      actor: actorOf(given),
      says: given.plan.summary,
      event: 'open',
      requester: given.requester,
    });
  return key;
}

const actorOf = ({ requester, requester_kind }: Pick<Request, 'requester' | 'requester_kind'>): string =>
  requester_kind === 'person' ? requester : `${requester_kind} ${requester}`;

function checkQuorum({ stages, rule }: Frozen, askers: readonly string[], membersOf: Members): void {
  if (isReachable(stages, membersOf, new Set(askers))) return;
  const groups = [...new Set(stages.map(({ group }) => group))]
    .map((group) => `${group} (${membersOf(group).length})`)
    .join(', ');
  throw new PermanentError(
    'nobody_can_approve',
    `Rule "${rule}" needs more people than there are besides whoever asks: ${groups}. Add people to the groups of approvals, or start the approver, which reads them.`,
  );
}

async function insert(
  tx: Tx,
  { rule, given, sealed, now }: { rule: Frozen; given: NewRequest; sealed: SealedPlan; now: Date },
): Promise<number | null> {
  const { text, digest } = sealed;
  const { plan, requester, requester_kind, why, playbook = null } = given;
  const { rows } = await tx.query<{ request_key: number }>(
    `insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, finding_key, playbook,
            state, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'draft', $12, $12)
     on conflict (finding_key, playbook)
       where playbook is not null and state in ('draft', 'pending', 'approved', 'applying', 'active', 'handed_over')
       do nothing
     returning request_key`,
    [
      plan.kind,
      plan.domain,
      plan.summary,
      text,
      digest,
      JSON.stringify(rule),
      requester,
      requester_kind,
      why,
      plan.finding?.key ?? null,
      playbook,
      now,
    ],
  );
  const key = rows[0]?.request_key ?? null;
  if (key !== null) await move(tx, key, 'submit', { at: now });
  return key;
}

async function decideByRule(
  tx: Tx,
  key: number,
  { rule, given, now }: { rule: Frozen; given: NewRequest; now: Date },
): Promise<void> {
  await move(tx, key, 'approve', { at: now, decided_at: now, expires_at: hoursAfter(now, rule.apply_within_hours) });
  await note(tx, key, now, {
    event: 'approve',
    actor: `rule ${rule.rule}`,
    says: `${given.plan.summary} Decided by the rule "${rule.rule}", without asking.`,
    to: askerOf(given),
    detail: { requester: actorOf(given), why: given.why, rule: rule.rule },
  });
}

/** Begins a stage: its timers run, its people are asked. */
export async function beginStage(
  tx: Tx,
  key: number,
  {
    rule,
    stage,
    now,
    membersOf,
    actor,
    says,
    event,
    requester,
    why,
  }: {
    rule: Frozen;
    stage: number;
    now: Date;
    membersOf: Members;
    actor: string;
    says: string;
    event: 'open' | 'stage';
    requester: string;
    why?: string;
  },
): Promise<void> {
  const one = rule.stages[stage]!;
  const expires_at = hoursAfter(now, one.within_hours);
  await tx.query('update ruawatch.requests set stage = $2, expires_at = $3 where request_key = $1', [key, stage, expires_at]);
  await setTimers(tx, key, one, now);
  await note(tx, key, now, {
    event,
    actor,
    says,
    to: membersOf(one.ask ?? one.group).filter((person) => person !== requester),
    detail: {
      rule: rule.rule,
      stage,
      group: one.group,
      need: one.need,
      expires_at: expires_at.toISOString(),
      ...(why === undefined ? {} : { why }),
    },
  });
}
