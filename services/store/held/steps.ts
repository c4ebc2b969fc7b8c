import { isOpen } from '../../requests/rules.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { note } from '../requests/events.ts';
import { decisionsOn, lockRequest, momentOf, move, type Request } from '../requests/requests.ts';
import { hoursAfter } from '../requests/timers.ts';
import { type HeldRow, type HeldState, loadHeld, lockHeld } from './held.ts';

const ACTOR = 'milter';

/** What is to be done with a held mail now. */
export interface Task {
  what: 'release' | 'reject' | 'delete' | 'expire' | 'clear' | 'nothing';
  held: HeldRow;
}

/** Takes a step with the request and the held mail locked, in that order. */
async function locked<T>(
  db: Db,
  held_key: number,
  at: Date | null,
  work: (tx: Tx, held: HeldRow, request: Request, now: Date) => Promise<T>,
): Promise<T> {
  const { request_key } = await loadHeld(db, held_key);
  return transaction(db, async (tx) => {
    const request = await lockRequest(tx, request_key);
    const held = await lockHeld(tx, held_key);
    return work(tx, held, request, await momentOf(tx, at));
  });
}

/**
 * Says what is to be done with a held mail, and takes it for that. A release is begun here, under the lock of
 * the request: from then on nobody can withdraw it, and before it nothing is sent.
 * @param on_denial what a denial does that does not say it
 */
export async function takeHeld(db: Db, held_key: number, on_denial: 'reject' | 'delete', at: Date | null): Promise<Task> {
  return locked(db, held_key, at, async (tx, held, request, now) => {
    if (held.settled_at !== null) return { what: held.cleared_at === null ? 'clear' : 'nothing', held };
    if (held.state === 'releasing') return { what: held.doubt ? 'nothing' : 'release', held };
    switch (request.state) {
      case 'draft':
      case 'pending':
        return { what: 'nothing', held };
      case 'approved':
        return (await begin(tx, held, request, now))
          ? { what: 'release', held: await loadHeld(tx, held_key) }
          : { what: 'nothing', held };
      case 'denied':
        return { what: held.denied_as ?? on_denial, held };
      default:
        return { what: 'expire', held };
    }
  });
}

async function begin(tx: Tx, held: HeldRow, request: Request, now: Date): Promise<boolean> {
  if (request.expires_at !== null && request.expires_at <= now) return false;
  if (!request.emergency && !isOpen(request.rule.windows, now)) return false;
  const by =
    request.rule.decide === 'automatic'
      ? [`rule ${request.rule.rule}`]
      : (await decisionsOn(tx, request.request_key)).filter(({ decision }) => decision !== 'deny').map(({ person }) => person);
  await tx.query("update ruawatch.held_messages set state = 'releasing', decided_by = $2, decided_at = $3 where held_key = $1", [
    held.held_key,
    by,
    request.decided_at ?? now,
  ]);
  await move(tx, request.request_key, 'claim', { at: now, expires_at: null });
  await note(tx, request.request_key, now, { event: 'claim', actor: ACTOR, says: 'The mail is being delivered.', only: true });
  return true;
}

/**
 * Writes that the last octet of a release is about to be sent. @returns false when it was written before, or
 * the mail is not ours to send
 */
export async function noteDot(q: Queryable, held_key: number): Promise<boolean> {
  const { rowCount } = await q.query(
    `update ruawatch.held_messages set dot_at = clock_timestamp()
      where held_key = $1 and state = 'releasing' and dot_at is null and copy_id is null and not doubt`,
    [held_key],
  );
  return rowCount === 1;
}

/** The server has certainly not taken the mail. */
export async function clearDot(q: Queryable, held_key: number): Promise<void> {
  await q.query(
    "update ruawatch.held_messages set dot_at = null where held_key = $1 and state = 'releasing' and copy_id is null",
    [held_key],
  );
}

/** Chooses the copy in the hold queue that is let go. It is chosen once. */
export async function chooseCopy(q: Queryable, held_key: number, copy_id: string): Promise<boolean> {
  const { rowCount } = await q.query(
    "update ruawatch.held_messages set copy_id = $2 where held_key = $1 and state = 'releasing' and copy_id is null",
    [held_key, copy_id],
  );
  return rowCount === 1;
}

/**
 * Writes that the sender is about to be notified. @returns false when that was written before: he is not
 * notified twice
 */
export async function noteBounce(q: Queryable, held_key: number): Promise<boolean> {
  const { rowCount } = await q.query(
    'update ruawatch.held_messages set bounce_at = clock_timestamp() where held_key = $1 and bounce_at is null',
    [held_key],
  );
  return rowCount === 1;
}

/** The mail to the sender has certainly not gone. */
export async function clearBounce(q: Queryable, held_key: number): Promise<void> {
  await q.query('update ruawatch.held_messages set bounce_at = null where held_key = $1', [held_key]);
}

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 300;

/** It could not be done now, and is tried again, ever more seldom. */
export async function retryHeld(q: Queryable, { held_key, tries }: HeldRow, answer: string, at: Date | null): Promise<void> {
  await q.query(
    `update ruawatch.held_messages set tries = tries + 1, answer = $2, retry_at = coalesce($3, clock_timestamp()) + make_interval(secs => $4)
      where held_key = $1`,
    [held_key, answer, at, Math.min(FIRST_RETRY_S * 2 ** tries, LONGEST_RETRY_S)],
  );
}

/** Nobody can know whether the mail went: a person looks, and says. */
export async function doubtHeld(db: Db, held_key: number, answer: string, at: Date | null): Promise<void> {
  await locked(db, held_key, at, async (tx, held, request, now) => {
    if (held.state !== 'releasing' || held.doubt) return;
    await tx.query('update ruawatch.held_messages set doubt = true, answer = $2 where held_key = $1', [held_key, answer]);
    await note(tx, request.request_key, now, { event: 'unknown', actor: ACTOR, says: answer });
  });
}

/** A person has looked: it arrived, or it is to be sent again. @returns false when there is no doubt */
export async function resolveDoubt(
  db: Db,
  held_key: number,
  { arrived, person, why }: { arrived: boolean; person: string; why: string },
  at: Date | null = null,
): Promise<boolean> {
  return locked(db, held_key, at, async (tx, held, request, now) => {
    if (held.state !== 'releasing' || !held.doubt) return false;
    const says = `${person} has looked: the mail ${arrived ? 'arrived' : 'did not arrive, and is sent again'}: ${why}`;
    if (arrived) await finish(tx, held, request, { answer: says, now });
    else
      await tx.query('update ruawatch.held_messages set doubt = false, dot_at = null, retry_at = null where held_key = $1', [
        held_key,
      ]);
    await note(tx, request.request_key, now, { event: 'settle', actor: person, says, only: true, detail: { why, arrived } });
    return true;
  });
}

async function finish(tx: Tx, held: HeldRow, request: Request, { answer, now }: { answer: string; now: Date }): Promise<void> {
  await tx.query(
    "update ruawatch.held_messages set state = 'released', answer = $2, settled_at = $3, doubt = false, retry_at = null where held_key = $1",
    [held.held_key, answer, now],
  );
  await move(tx, request.request_key, 'finish', { at: now, applied_at: now, outcome: answer });
}

/** The mail is on its way to its recipients. */
export async function settleRelease(db: Db, held_key: number, answer: string, at: Date | null): Promise<void> {
  await locked(db, held_key, at, async (tx, held, request, now) => {
    if (held.state !== 'releasing') return;
    await finish(tx, held, request, { answer, now });
    await note(tx, request.request_key, now, { event: 'apply', actor: ACTOR, says: answer });
  });
}

/** The mail is stopped for good, or lost. What was being released, or still waited, ends with it. */
export async function settleStop(
  db: Db,
  held_key: number,
  { state, answer }: { state: Extract<HeldState, 'rejected' | 'deleted' | 'expired' | 'lost'>; answer: string },
  at: Date | null,
): Promise<void> {
  await locked(db, held_key, at, async (tx, held, request, now) => {
    if (held.settled_at !== null) return;
    await tx.query(
      `update ruawatch.held_messages
          set state = $2, answer = $3, settled_at = $4, doubt = false, retry_at = null, decided_at = coalesce(decided_at, $5),
              decided_by = coalesce(decided_by, $6)
        where held_key = $1`,
      [held_key, state, answer, now, request.decided_at, await deniersOf(tx, request)],
    );
    if (request.state === 'applying') await move(tx, request.request_key, 'fail', { at: now, outcome: answer });
    else if (request.state === 'pending' || request.state === 'approved')
      await move(tx, request.request_key, 'withdraw', { at: now, expires_at: null, outcome: answer });
    await note(tx, request.request_key, now, {
      event: state === 'lost' ? 'fail' : 'settle',
      actor: ACTOR,
      says: answer,
      only: state !== 'lost',
    });
  });
}

async function deniersOf(tx: Tx, request: Request): Promise<string[] | null> {
  if (request.state !== 'denied') return null;
  return (await decisionsOn(tx, request.request_key)).filter(({ decision }) => decision === 'deny').map(({ person }) => person);
}

/**
 * All copies that were known are gone from the hold queue. @param ids those: one that came meanwhile is
 * looked at again
 */
export async function noteCleared(q: Queryable, held_key: number, ids: readonly string[]): Promise<void> {
  await q.query('update ruawatch.held_messages set cleared_at = clock_timestamp() where held_key = $1 and queue_ids <@ $2', [
    held_key,
    ids,
  ]);
}

/** Writes which way a denial means, in the transaction of the decision. */
export async function noteDenial(tx: Tx, request_key: number, denied_as: 'reject' | 'delete'): Promise<void> {
  await tx.query("update ruawatch.held_messages set denied_as = $2 where request_key = $1 and state = 'held'", [
    request_key,
    denied_as,
  ]);
}

const DAY_HOURS = 24;

/** Deletes the octets of mails that were settled long enough ago. @returns how many */
export async function forgetBodies(db: Db, keep_days: number, at: Date): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ held_key: number }>(
      `select held_key from ruawatch.held_messages h
        where settled_at <= $1 and body_gone_at is null and exists (select from ruawatch.held_bodies b where b.held_key = h.held_key)
        order by 1 limit 1000`,
      [hoursAfter(at, -keep_days * DAY_HOURS)],
    );
    const keys = rows.map(({ held_key }) => held_key);
    await tx.query('update ruawatch.held_messages set body_gone_at = $2 where held_key = any($1)', [keys, at]);
    await tx.query('delete from ruawatch.held_bodies where held_key = any($1)', [keys]);
    return keys.length;
  });
}
