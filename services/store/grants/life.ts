import { isOpen } from '../../requests/rules.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { askerOf, note } from '../requests/events.ts';
import { lockRequest, momentOf, move, type Request } from '../requests/requests.ts';
import { type Grant, grantsIn, loadGrant, lockGrant } from './grants.ts';

const ACTOR = 'applier';

/**
 * Grants whose request is approved and that are to be lent, and those that were being lent when a process
 * ended.
 */
export async function grantsToApply(q: Queryable): Promise<Grant[]> {
  const { rows } = await q.query<{ grant_key: number }>(
    `select g.grant_key from ruawatch.grants g join ruawatch.requests r using (request_key)
      where g.state = 'applying' or (g.state = 'asked' and r.state = 'approved')
      order by 1 limit 200`,
  );
  return Promise.all(rows.map(({ grant_key }) => loadGrant(q, grant_key)));
}

/** Takes the step that `work` decides, with the request and the grant locked in that order. */
async function locked<T>(
  db: Db,
  { grant_key, request_key }: Pick<Grant, 'grant_key' | 'request_key'>,
  at: Date | null,
  work: (tx: Tx, grant: Grant, request: Request, now: Date) => Promise<T>,
): Promise<T> {
  return transaction(db, async (tx) => {
    const request = await lockRequest(tx, request_key);
    const grant = await lockGrant(tx, grant_key);
    return work(tx, grant, request, await momentOf(tx, at));
  });
}

/**
 * Takes an approved grant to lend it, before anything is done at its target.
 * @returns false when it is not approved any more, or its window is closed
 */
export async function claimGrant(db: Db, given: Grant, at: Date | null): Promise<boolean> {
  return locked(db, given, at, async (tx, grant, request, now) => {
    if (grant.state === 'applying') return true;
    if (grant.state !== 'asked' || request.state !== 'approved') return false;
    if (request.expires_at !== null && request.expires_at <= now) return false;
    if (!request.emergency && !isOpen(request.rule.windows, now)) return false;
    await tx.query("update ruawatch.grants set state = 'applying', claimed_at = $2 where grant_key = $1", [grant.grant_key, now]);
    await move(tx, request.request_key, 'claim', { at: now, expires_at: null });
    await note(tx, request.request_key, now, { event: 'claim', actor: ACTOR, says: 'It is being applied.', only: true });
    return true;
  });
}

/**
 * Notes that a right is lent: its time begins.
 * @param most what the target itself enforces as its end, if it does
 * @param sealed what the holder gets, sealed with the holder's key
 * @returns false when its end was asked for meanwhile
 */
export async function activateGrant(
  db: Db,
  given: Grant,
  { answer, most, sealed = null }: { answer: string; most: Date | null; sealed?: string | null },
  at: Date | null,
): Promise<boolean> {
  return locked(db, given, at, async (tx, grant, request, now) => {
    if (grant.state !== 'applying') return false;
    const whole = new Date(now.getTime() + grant.seconds * 1000);
    const ends_at = most !== null && most < whole ? most : whole;
    await tx.query(
      "update ruawatch.grants set state = 'active', applied_at = $2, ends_at = $3, answer = $4, ran_ms = 0, sealed = $5 where grant_key = $1",
      [grant.grant_key, now, ends_at, answer, sealed],
    );
    await move(tx, request.request_key, 'activate', { at: now, applied_at: now, ends_at, outcome: answer });
    await note(tx, request.request_key, now, {
      event: 'apply',
      actor: ACTOR,
      says: answer,
      to: askerOf(request),
      detail: { grant: grant.grant_key, name: grant.name, holder: grant.holder, ends_at: ends_at.toISOString() },
    });
    return true;
  });
}

/**
 * Begins the end of a grant: from now on it counts for nothing, whatever its target still has. What was only
 * asked for is withdrawn.
 * @param by who ends it; the applier for what is due
 * @returns whether there was anything to end
 */
export async function beginEnd(
  db: Db,
  given: Pick<Grant, 'grant_key' | 'request_key'>,
  { reason, by = ACTOR }: { reason: string; by?: string },
  at: Date | null,
): Promise<boolean> {
  return locked(db, given, at, async (tx, grant, request, now) => {
    if (grant.state === 'asked') {
      if (request.state !== 'draft' && request.state !== 'pending' && request.state !== 'approved') return false;
      await move(tx, request.request_key, 'withdraw', { at: now, expires_at: null, outcome: reason });
      await note(tx, request.request_key, now, { event: 'withdraw', actor: by, says: reason, to: askerOf(request) });
      return true;
    }
    if (grant.state !== 'applying' && grant.state !== 'active') return false;
    await tx.query(
      `update ruawatch.grants set state = 'ending', end_reason = $2, end_since = $3, tries = 0, retry_at = null, sealed = null where grant_key = $1`,
      [grant.grant_key, reason, now],
    );
    await note(tx, request.request_key, now, {
      event: 'ending',
      actor: by,
      says: reason,
      only: true,
      detail: { grant: grant.grant_key, name: grant.name },
    });
    return true;
  });
}

/** Notes that the target has nothing of a grant any more. What was never lent has failed. */
export async function endGrant(db: Db, given: Grant, answer: string, at: Date | null): Promise<void> {
  await locked(db, given, at, async (tx, grant, request, now) => {
    if (grant.state !== 'ending') return;
    await tx.query(
      "update ruawatch.grants set state = 'ended', ended_at = $2, answer = $3, retry_at = null where grant_key = $1",
      [grant.grant_key, now, answer],
    );
    const lent = grant.applied_at !== null;
    const says = lent ? `${grant.end_reason} What was lent is taken back.` : `It was not lent. ${grant.end_reason}`;
    await move(tx, request.request_key, lent ? 'end' : 'fail', { at: now, ends_at: null, outcome: says });
    await note(tx, request.request_key, now, {
      event: lent ? 'end' : 'fail',
      actor: ACTOR,
      says,
      to: askerOf(request),
      detail: { grant: grant.grant_key, name: grant.name, used: grant.used, answer },
    });
  });
}

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 60;

/**
 * Notes that the end of a grant could not be carried out: it is tried again, ever more seldom, and never
 * given up.
 */
export async function retryEnd(db: Db, { grant_key, tries }: Grant, answer: string, at: Date | null): Promise<void> {
  const seconds = Math.min(FIRST_RETRY_S * 2 ** tries, LONGEST_RETRY_S);
  await db.query(
    `update ruawatch.grants set tries = tries + 1, answer = $2, retry_at = coalesce($3, clock_timestamp()) + make_interval(secs => $4)
      where grant_key = $1 and state = 'ending'`,
    [grant_key, answer, at, seconds],
  );
}

/** Grants that are ending, and due to be tried now. */
export async function toEnd(q: Queryable, at: Date | null): Promise<Grant[]> {
  const all = await grantsIn(q, ['ending']);
  const { rows } = await q.query<{ now: Date }>('select coalesce($1, clock_timestamp()) as now', [at]);
  return all.filter(({ retry_at }) => retry_at === null || retry_at <= rows[0]!.now);
}
