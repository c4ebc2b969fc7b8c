import type { Approvals, Stage } from '../../requests/rules.ts';
import type { State } from '../../requests/states.ts';
import { count, freeSeats, type Refusal, refusalOf, type Seat, type Vote } from '../../requests/votes.ts';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { tryLockNamed } from '../locks.ts';
import { askerOf, note } from './events.ts';
import { decidersOf, loadMembers, loadSeats, peopleOf, standingApprovals } from './groups.ts';
import { beginStage, open } from './open.ts';
import { requestsOfResolved } from './playbook-findings.ts';
import { askersOf, type Decision, decisionsOn, lockRequest, momentOf, move, type Request } from './requests.ts';
import { namesOf } from './same-person.ts';
import { expire } from './sweep.ts';
import { escalations, hoursAfter } from './timers.ts';

/** What a person decides. */
export interface NewDecision {
  /** From the session or the token, never from a parameter. */
  person: string;
  decision: 'approve' | 'deny';
  why: string;
  /** The digest of the plan that the person was shown. */
  digest: string;
  /** Where it was decided: console, api or cli. */
  via: string;
  /** What belongs to the decision, written with it. */
  also?: (tx: Tx, state: State) => Promise<unknown>;
}

const REFUSALS: Record<Refusal, string> = {
  requester: 'You made this request yourself: somebody else decides.',
  voted: 'You have decided already; a decision cannot be changed.',
  not_in_group: 'You are not among the people who are asked at this stage.',
};

/** Why nothing more can be decided, by the state of a request. */
const SETTLED: Record<Exclude<State, 'pending'>, string> = {
  draft: 'is a draft: whoever made it has to submit it first',
  approved: 'is approved already',
  applying: 'is approved and being applied',
  active: 'is approved and applied',
  handed_over: 'is approved and handed over',
  done: 'is approved and done',
  denied: 'was denied',
  expired: 'has expired: it was not decided and applied in time. Ask again if it is still wanted',
  withdrawn: 'was withdrawn',
  stale: 'is stale: what it would change is no longer as it was. A new request shows the present state',
  failed: 'was approved and could not be applied',
  ended: 'was approved and has ended',
  returned: 'was applied and rolled back',
};

/** Who is asked in a stage of a request: its group, and the one that it was escalated to. */
async function groupsAsked(tx: Tx, key: number, stage: Stage): Promise<string[]> {
  const escalated = stage.escalate !== null && (await escalations(tx, key)) > 0;
  return [stage.group, ...(escalated ? [stage.escalate!.to] : [])];
}

/**
 * Takes a person's decision. What it leads to (the next stage, the end) happens in the same transaction,
 * under the lock of the request: of two who decide at once, the second sees what the first did.
 * @param at null for the database's clock
 * @returns the state of the request after it
 * @throws PermanentError `no_request`, `request_settled`, `plan_changed`, `requester`, `voted`,
 *   `not_in_group`
 */
export async function decide(db: Db, key: number, given: NewDecision, at: Date | null = null): Promise<State> {
  const { state, error } = await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    const now = await momentOf(tx, at);
    const refused = await refusedNow(tx, request, given.digest, now);
    // An expiry is to be kept: the error is for after the commit.
    if (refused !== null) return { state: 'expired' as const, error: refused };
    const state = await take(tx, request, given, now);
    await given.also?.(tx, state);
    return { state, error: null };
  });
  if (error !== null) throw error;
  return state;
}

/**
 * Why nothing can be decided about a locked request, whoever decides.
 * @returns the error for a request that expires here and now, which is to be committed; null when it can be
 *   decided
 * @throws PermanentError `request_settled`, `plan_changed`
 */
async function refusedNow(tx: Tx, request: Request, digest: string, now: Date): Promise<PermanentError | null> {
  const { request_key: key, state, expires_at } = request;
  if (state === 'pending' && expires_at !== null && expires_at <= now) {
    await expire(tx, request, now);
    return settled(key, 'expired');
  }
  if (state !== 'pending') throw settled(key, state);
  if (digest !== request.digest)
    throw new PermanentError('plan_changed', `What you were shown is not what request ${key} asks for now: read it again.`);
  return null;
}

const settled = (key: number, state: Exclude<State, 'pending'>) =>
  new PermanentError('request_settled', `Request ${key} ${SETTLED[state]}.`);

async function take(tx: Tx, request: Request, given: NewDecision, now: Date): Promise<State> {
  const { request_key: key, rule, stage } = request;
  const { person, decision } = given;
  const votes = (await decisionsOn(tx, key)).filter(isVote);
  const seats = await loadSeats(tx, now);
  const askers = await askersOf(tx, request);
  const groups = await groupsAsked(tx, key, rule.stages[stage]!);
  const voted = await namesOf(
    tx,
    votes.flatMap((one) => [one.person, one.in_place_of ?? one.person]),
  );
  const in_place_of = placeOf(key, person, { seats: groups.flatMap(seats), askers, votes, voted });
  await insertDecision(tx, request, { ...given, in_place_of, now });
  const stand = await standingApprovals(tx, { request_key: key, stage, groups });
  const all = [...votes, { person, stage, decision, in_place_of }];
  const gone = all.filter((one) => one.stage === stage && one.decision === 'approve' && !stand.has(one.person));
  const counted = count(
    rule.stages,
    stage,
    rule.denials,
    all.filter((one) => !gone.includes(one)),
  );
  const membersOf = decidersOf(seats, { askers: [...askers, ...voted], votes: all });
  return follow(tx, request, counted, { given, in_place_of, gone, membersOf, now });
}

/** Does what a decision leads to, as the votes stand with it. */
async function follow(
  tx: Tx,
  request: Request,
  { result, approvals, need }: ReturnType<typeof count>,
  {
    given: { person, decision, why, via },
    in_place_of,
    gone,
    membersOf,
    now,
  }: {
    given: NewDecision;
    in_place_of: string | null;
    gone: readonly Vote[];
    membersOf: ReturnType<typeof decidersOf>;
    now: Date;
  },
): Promise<State> {
  const { request_key: key, rule, stage } = request;
  const detail = { why, via, stage, approvals, need };
  const said = `${person} ${decision === 'approve' ? 'approved' : 'denied'} it${in_place_of === null ? '' : ` in the place of ${in_place_of}`}`;
  switch (result) {
    case 'denied':
      await move(tx, key, 'deny', { at: now, decided_at: now, expires_at: null, outcome: `Denied by ${person}: ${why}` });
      await note(tx, key, now, { event: 'deny', actor: person, says: `${said}: ${why}`, to: askerOf(request), detail });
      return 'denied';
    case 'waiting': {
      const left = need - approvals;
      const lost = gone.map((one) => one.person).join(', ');
      const says = `${said}. ${left === 1 ? 'One more is' : `${left} more are`} needed at this stage.${lost === '' ? '' : ` ${lost} has left the group since and does not count.`}`;
      await note(tx, key, now, {
        event: decision === 'approve' ? 'vote' : 'vote_against',
        actor: person,
        says,
        only: true,
        detail,
      });
      return 'pending';
    }
    case 'next':
      await beginStage(tx, key, {
        rule,
        stage: stage + 1,
        now,
        membersOf,
        actor: person,
        says: `${said}. The next stage begins.`,
        event: 'stage',
        requester: request.requester,
        why,
      });
      return 'pending';
    case 'approved':
      return approved(tx, request, { actor: person, says: `${said}.`, detail, now });
  }
}

/**
 * The place in which a person decides.
 * @param voted all names that whoever has voted has had
 * @returns null for the person's own, else whose it is
 * @throws PermanentError `requester`, `voted`, `not_in_group`
 */
function placeOf(
  key: number,
  person: string,
  {
    seats,
    askers,
    votes,
    voted,
  }: { seats: readonly Seat[]; askers: readonly string[]; votes: readonly Vote[]; voted: readonly string[] },
): string | null {
  const refused = (code: Refusal, why: string) => new PermanentError(code, `Request ${key} was not decided. ${why}`);
  if (askers.includes(person)) throw refused('requester', REFUSALS.requester);
  const deputy = votes.find(({ in_place_of }) => in_place_of === person)?.person;
  if (deputy !== undefined) throw refused('voted', `${deputy} has decided in your place already.`);
  if (voted.includes(person)) throw refused('voted', REFUSALS.voted);
  const free = freeSeats(seats, { askers: [...askers, ...voted], votes });
  const refusal = refusalOf({ requester: null, asked: peopleOf(free), votes }, person);
  if (refusal !== null) throw refused(refusal, REFUSALS[refusal]);
  const places = free.filter((seat) => seat.person === person).map(({ of }) => of);
  return places.includes(person) ? null : places[0]!;
}

const isVote = (one: Decision): one is Decision & { decision: 'approve' | 'deny' } => one.decision !== 'override';

async function insertDecision(
  tx: Tx,
  { request_key, stage, digest }: Request,
  {
    person,
    decision,
    why,
    via,
    in_place_of = null,
    now,
  }: Omit<NewDecision, 'decision'> & { decision: Decision['decision']; in_place_of?: string | null; now: Date },
): Promise<void> {
  await tx.query(
    `insert into ruawatch.decisions (request_key, person, stage, decision, why, digest, via, at, in_place_of)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [request_key, person, stage, decision, why, digest, via, now, in_place_of],
  );
}

async function approved(
  tx: Tx,
  request: Request,
  { actor, says, detail, now }: { actor: string; says: string; detail: Record<string, string | number>; now: Date },
): Promise<State> {
  const { request_key: key, rule, kind } = request;
  await move(tx, key, 'approve', { at: now, decided_at: now, expires_at: hoursAfter(now, rule.apply_within_hours) });
  if (kind === 'review') await move(tx, key, 'close', { at: now, expires_at: null, outcome: `Looked at by ${actor}.` });
  await note(tx, key, now, { event: 'approve', actor, says, to: askerOf(request), detail });
  return kind === 'review' ? 'done' : 'approved';
}

/**
 * Withdraws a request that is not applied yet: whoever asked, or somebody of the group that decides.
 * @param by.own only what that person asked for: to end what others ask for is to decide
 * @throws PermanentError `no_request`, `request_settled`, `review_by_others`, `not_in_group`
 */
export async function withdraw(
  db: Db,
  key: number,
  by: { person: string; why: string; own?: boolean },
  at: Date | null = null,
): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    const now = await momentOf(tx, at);
    const applying = request.state === 'applying';
    if (!applying && request.state !== 'pending' && request.state !== 'approved' && request.state !== 'draft')
      throw settled(key, request.state);
    // A mail may be on its way at this moment.
    if (applying && (request.kind === 'messages.release' || !(await nothingChanged(tx, key)))) throw settled(key, 'applying');
    if (request.kind === 'review')
      throw new PermanentError(
        'review_by_others',
        `Request ${key} looks back at a break-glass: it is decided, and not withdrawn.`,
      );
    const membersOf = await loadMembers(tx, now);
    const asked = request.rule.stages.flatMap(({ group }) => membersOf(group));
    const own = request.requester_kind === 'playbook' ? [] : await askersOf(tx, request);
    if (!own.includes(by.person) && (by.own === true || !asked.includes(by.person)))
      throw new PermanentError(
        'not_in_group',
        `Request ${key} is withdrawn by ${request.requester}, or by the people who decide about it${by.own === true ? ', with a token that decides' : ''}.`,
      );
    const look = applying ? ' It was being applied: make sure that nothing of it is published.' : '';
    await move(tx, key, 'withdraw', { at: now, expires_at: null, outcome: `Withdrawn by ${by.person}: ${by.why}${look}` });
    await note(tx, key, now, {
      event: 'withdraw',
      actor: by.person,
      says: `${by.person} withdrew it: ${by.why}${look}`,
      to: askerOf(request),
      detail: { why: by.why },
    });
  });
}

/**
 * Whether no change of a request was made, and none is being made: the applier holds its lock while it works.
 */
async function nothingChanged(tx: Tx, key: number): Promise<boolean> {
  if (!(await tryLockNamed(tx, 'apply'))) return false;
  const { rows } = await tx.query<{ made: boolean }>(
    "select exists (select from dmarc.changes where request_key = $1 and state = 'applied') as made",
    [key],
  );
  return !rows[0]!.made;
}

/**
 * Break-glass: a person of the emergency group decides alone, also about what he asked for himself. Everybody
 * in any group is notified, the approval holds for a short time, and a request to look back at it opens.
 * @returns the key of the review
 * @throws PermanentError `no_request`, `request_settled`, `emergency_off`, `review_by_others`,
 *   `not_in_group`, `nobody_can_approve`, `plan_changed`
 */
export async function override(
  db: Db,
  key: number,
  { at = null, ...given }: { person: string; why: string; digest: string; via: string; at?: Date | null },
  emergency: Approvals['emergency'],
): Promise<number> {
  if (emergency === null)
    throw new PermanentError(
      'emergency_off',
      'Break-glass is off: approvals.emergency of the settings names who may decide alone.',
    );
  const { opened, error } = await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    const now = await momentOf(tx, at);
    const refused = await refusedNow(tx, request, given.digest, now);
    // An expiry is to be kept: the error is for after the commit.
    if (refused !== null) return { opened: 0, error: refused };
    if (request.kind === 'review')
      throw new PermanentError(
        'review_by_others',
        `Request ${key} looks back at a break-glass: it is decided by "${request.rule.stages[0]!.group}", and not by break-glass.`,
      );
    const membersOf = await loadMembers(tx, now);
    if (!membersOf(emergency.group).includes(given.person))
      throw new PermanentError('not_in_group', `Break-glass is for the people of the group "${emergency.group}".`);
    await insertDecision(tx, request, { ...given, decision: 'override', now });
    await move(tx, key, 'override', {
      at: now,
      emergency: true,
      decided_at: now,
      expires_at: hoursAfter(now, emergency.ends_hours),
    });
    const everybody = await allPeople(tx);
    await note(tx, key, now, {
      event: 'override',
      actor: given.person,
      says: `${given.person} approved it alone by break-glass: ${given.why}`,
      to: [...everybody, ...askerOf(request)],
      detail: { why: given.why, via: given.via },
    });
    return { opened: await review(tx, request, { ...given, group: emergency.review }, now), error: null };
  });
  if (error !== null) throw error;
  return opened;
}

async function allPeople(tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ person: string }>('select distinct person from ruawatch.approver_groups order by 1');
  return rows.map(({ person }) => person);
}

const REVIEW_HOURS = 168;

async function review(
  tx: Tx,
  { request_key, domain, summary, requester }: Request,
  by: { person: string; why: string; group: string },
  now: Date,
): Promise<number> {
  const stage = { group: by.group, ask: null, need: 1, within_hours: REVIEW_HOURS, remind_hours: 24, escalate: null };
  const rule = {
    rule: 'break-glass review',
    decide: 'people' as const,
    stages: [stage],
    denials: 1,
    apply_within_hours: 1,
    windows: [],
  };
  const plan = {
    version: 1 as const,
    kind: 'review' as const,
    domain,
    summary: `Look back at request ${request_key}, which ${by.person} approved alone by break-glass.`,
    warnings: [],
    why: [`It was: ${summary}`, `The reason given: ${by.why}`],
    risk: 'high' as const,
    risk_because: ['Nobody else was asked.'],
    changes: [],
    back: { watch_hours: 0, text: 'Nothing is changed by the review.' },
    finding: null,
    reviews: request_key,
  };
  const given = { plan, requester: by.person, requester_kind: 'person' as const, why: by.why, not_by: [requester] };
  const key = await open(tx, rule, given, now);
  return key!;
}

/** Withdraws the pending requests of playbooks whose finding is over. @returns how many */
export async function withdrawResolved(db: Db, at: Date | null = null): Promise<number> {
  const keys = await requestsOfResolved(db);
  for (const key of keys) {
    await transaction(db, async (tx) => {
      const request = await lockRequest(tx, key);
      if (request.state !== 'pending') return;
      const now = await momentOf(tx, at);
      const says = `The finding ${request.finding_key} is over: nothing is to be decided any more.`;
      await move(tx, key, 'withdraw', { at: now, expires_at: null, outcome: says });
      await note(tx, key, now, { event: 'withdraw', actor: 'approver', says });
    });
  }
  return keys.length;
}
