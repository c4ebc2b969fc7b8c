import { canStillDecide } from '../../requests/votes.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { askerOf, note } from './events.ts';
import { decidersOf, loadSeats, ownersOf, standingApprovals } from './groups.ts';
import { askersOf, decisionsOn, lockRequest, momentOf, move, type Request } from './requests.ts';
import { dueRequests, dueTimers, hoursAfter, timerDone } from './timers.ts';

/** Ends a locked request whose time is over. */
export async function expire(tx: Tx, request: Request, now: Date): Promise<void> {
  const outcome =
    request.state === 'approved'
      ? 'It was approved and not applied in time: the approval has ended.'
      : 'Nobody decided in time: it was not approved.';
  await move(tx, request.request_key, 'expire', { at: now, expires_at: null, outcome });
  await note(tx, request.request_key, now, {
    event: 'expire',
    actor: 'approver',
    says: outcome,
    to: askerOf(request),
  });
}

const AT_ONCE = 100;

/**
 * Does what is due: ends requests and approvals whose time is over, reminds, escalates. Each request in a
 * transaction of its own, under its lock: what was decided meanwhile is not escalated.
 * @returns how many requests something was done about
 */
export async function sweepRequests(db: Db, at: Date | null = null): Promise<number> {
  const keys = await dueRequests(db, at, AT_ONCE);
  for (const key of keys) await transaction(db, (tx) => sweepOne(tx, key, at));
  return keys.length;
}

async function sweepOne(tx: Tx, key: number, at: Date | null): Promise<void> {
  const request = await lockRequest(tx, key);
  const now = await momentOf(tx, at);
  const waits = request.state === 'pending' || request.state === 'approved' || request.state === 'draft';
  if (waits && request.expires_at !== null && request.expires_at <= now) return expire(tx, request, now);
  if (request.state !== 'pending') return;
  const stage = request.rule.stages[request.stage]!;
  const open = decidersOf(await loadSeats(tx, now), { askers: await askersOf(tx, request), votes: await decisionsOn(tx, key) });
  for (const { what, done } of await dueTimers(tx, key, now)) {
    if (what === 'remind') {
      await timerDone(tx, key, what, hoursAfter(now, stage.remind_hours! * 2 ** Math.min(done + 1, 10)));
      await note(tx, key, now, {
        event: 'remind',
        actor: 'approver',
        says: 'It still waits for a decision.',
        to: open(stage.ask ?? stage.group),
        only: true,
      });
      continue;
    }
    const { to, times, after_hours } = stage.escalate!;
    await timerDone(tx, key, what, done + 1 < times ? hoursAfter(now, after_hours) : null);
    await note(tx, key, now, {
      event: 'escalate',
      actor: 'approver',
      says: `The group ${stage.group} has not decided yet: ${to} is asked as well.`,
      to: [...open(to), ...open(stage.ask ?? stage.group)],
      only: true,
      detail: { group: to, times: done + 1 },
    });
  }
}

/**
 * Looks whether every pending request can still be decided by the people there are now, and says so once of
 * each that cannot.
 * @returns how many cannot
 */
export async function checkReachable(db: Db, at: Date | null = null): Promise<number> {
  const { rows } = await db.query<{ request_key: number }>(
    "select request_key from ruawatch.requests where state = 'pending' order by 1",
  );
  let stuck = 0;
  for (const { request_key } of rows) if (!(await transaction(db, (tx) => reachable(tx, request_key, at)))) stuck += 1;
  return stuck;
}

async function reachable(tx: Tx, key: number, at: Date | null): Promise<boolean> {
  const request = await lockRequest(tx, key);
  if (request.state !== 'pending') return true;
  const now = await momentOf(tx, at);
  const { stages } = request.rule;
  const now_asked = stages[request.stage]!;
  const stand = await standingApprovals(tx, {
    request_key: key,
    stage: request.stage,
    groups: [now_asked.group, ...(now_asked.escalate === null ? [] : [now_asked.escalate.to])],
  });
  // Whoever has left a group does not count any more, and does not decide again.
  const votes = (await decisionsOn(tx, key)).flatMap(({ decision, ...vote }) =>
    decision === 'override' ? [] : [{ ...vote, decision: stand.has(vote.person) ? decision : ('deny' as const) }],
  );
  const askers = await askersOf(tx, request);
  const owners = ownersOf(await loadSeats(tx, now));
  const membersOf = (group: string) => owners(group).filter((one) => !askers.includes(one));
  // Whoever a stage was escalated to may decide in it.
  const withEscalated = (group: string) => {
    const stage = stages.find((one) => one.group === group);
    return [...new Set([...membersOf(group), ...(stage?.escalate ? membersOf(stage.escalate.to) : [])])];
  };
  const can = canStillDecide({ stages, stage: request.stage, requester: request.requester, votes }, withEscalated);
  if (can === (request.unreachable_since === null)) return can;
  await tx.query('update ruawatch.requests set unreachable_since = $2 where request_key = $1', [key, can ? null : now]);
  await note(tx, key, now, {
    event: can ? 'reachable' : 'unreachable',
    actor: 'approver',
    says: can
      ? 'Enough people are there again to decide about it.'
      : 'Too few people are left to decide about it: add people to its groups, or withdraw it.',
  });
  return can;
}
