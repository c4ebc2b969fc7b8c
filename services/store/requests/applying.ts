import type { DnsChange, Plan, SenderChange } from '../../requests/plan.ts';
import { isOpen } from '../../requests/rules.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { askerOf, note } from './events.ts';
import { allInStates, lockRequest, momentOf, move, type Request } from './requests.ts';
import { hoursAfter } from './timers.ts';

/** A row of ruawatch.changes. */
export interface ChangeRow {
  change_key: number;
  position: number;
  forward: boolean;
  target: string;
  name: string;
  state: 'intended' | 'applied' | 'stale' | 'failed';
  intended_at: Date;
  answer: string | null;
  /** The TTL of the record before a change, in seconds, as its server had it; null when that is not known. */
  ttl_before: number | null;
}

/** The changes of a request, those on the way back after the others. */
export async function changesOf(q: Queryable, key: number): Promise<ChangeRow[]> {
  const { rows } = await q.query<ChangeRow>(
    `select change_key, position, forward, target, name, state, intended_at, answer, ttl_before from ruawatch.changes
      where request_key = $1 and update_key is null order by forward desc, position`,
    [key],
  );
  return rows;
}

/** What changes from one state to another, and back. A right that is lent is none (store/grants/). */
export type MadeChange = DnsChange | SenderChange;

/** Writes what is intended, before anything is sent. What was written before stays. */
export async function intend(
  tx: Tx,
  key: number,
  changes: readonly { position: number; forward: boolean; target: string; change: MadeChange }[],
  at: Date,
): Promise<void> {
  for (const { position, forward, target, change } of changes) {
    const [before, after] = forward ? [change.before, change.after] : [change.after, change.before];
    const name = change.target === 'dns' ? change.name : change.source;
    await tx.query(
      `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'intended', $8) on conflict (request_key, position, forward) where update_key is null do nothing`,
      [key, position, forward, target, name, JSON.stringify(before), JSON.stringify(after), at],
    );
  }
}

/** Notes the TTL that a record has before an intended change of it; the first one stays. */
export async function noteTtl(q: Queryable, key: number, position: number, ttl: number): Promise<void> {
  await q.query(
    `update ruawatch.changes set ttl_before = $3
      where request_key = $1 and position = $2 and forward and update_key is null and state = 'intended' and ttl_before is null`,
    [key, position, ttl],
  );
}

/** Notes how a change ended. */
export async function settleChange(
  q: Queryable,
  { key, position, forward }: { key: number; position: number; forward: boolean },
  { state, answer }: { state: ChangeRow['state']; answer: string },
): Promise<void> {
  await q.query(
    `update ruawatch.changes set state = $4, answer = $5, settled_at = clock_timestamp()
      where request_key = $1 and position = $2 and forward = $3 and state = 'intended'`,
    [key, position, forward, state, answer],
  );
}

/** The requests that are to be applied or that were being applied when a process ended, the oldest first. */
export async function toApply(q: Queryable): Promise<Request[]> {
  return allInStates(q, ['applying', 'approved']);
}

/**
 * Takes an approved request to apply it, and writes what is intended.
 * @returns false when it is not approved any more, or its window is closed
 */
export async function claim(db: Db, key: number, changes: Parameters<typeof intend>[2], at: Date | null): Promise<boolean> {
  return transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    const now = await momentOf(tx, at);
    if (request.state !== 'approved' || (request.expires_at !== null && request.expires_at <= now)) return false;
    if (!request.emergency && !isOpen(request.rule.windows, now)) return false;
    await intend(tx, key, changes, now);
    await move(tx, key, 'claim', { at: now });
    await note(tx, key, now, { event: 'claim', actor: 'applier', says: 'It is being applied.', only: true });
    return true;
  });
}

/** A change is tried for a day (docs/changes.md). */
const TRIED_HOURS = 24;
const LAST_TRY_HOURS = 2;

/**
 * Whether the first change of a request may still be sent: it may have waited long for its server.
 * @returns `settled` when it is not being applied any more, `closed` outside of its windows, `over` when the
 *   approval has ended
 */
export async function mayBegin(db: Db, key: number, at: Date | null): Promise<'go' | 'settled' | 'closed' | 'over'> {
  return transaction(db, async (tx) => {
    const { state, expires_at, changed_at, emergency, rule } = await lockRequest(tx, key);
    const now = await momentOf(tx, at);
    if (state !== 'applying') return 'settled';
    // Where the approval lasts as long as it is tried, the last try comes after its end.
    const late = expires_at !== null && hoursAfter(changed_at, TRIED_HOURS) <= expires_at ? LAST_TRY_HOURS : 0;
    if (expires_at !== null && hoursAfter(expires_at, late) < now) return 'over';
    return emergency || isOpen(rule.windows, now) ? 'go' : 'closed';
  });
}

/** How applying a request ended. */
export type ApplyEnd =
  | { step: 'finish' | 'activate'; says: string; watch_hours: number }
  /** `partly`: other records were changed, which may break mail. */
  | { step: 'hand_over'; says: string; partly?: boolean }
  | { step: 'fail' | 'outdate'; says: string };

/** Ends applying a request. Any number of appliers may call it; the first does it. */
export async function endApplying(db: Db, key: number, end: ApplyEnd, at: Date | null): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    if (request.state !== 'applying') return;
    const now = await momentOf(tx, at);
    const done = end.step === 'finish' || end.step === 'activate';
    await move(tx, key, end.step, {
      at: now,
      expires_at: null,
      outcome: end.says,
      ...(done || (end.step === 'hand_over' && end.partly === true) ? { applied_at: now } : {}),
      ...('watch_hours' in end && end.watch_hours > 0 ? { ends_at: hoursAfter(now, end.watch_hours) } : {}),
    });
    if (done) await watchSoon(tx, request.domain, now);
    await note(tx, key, now, {
      event: EVENTS[end.step],
      actor: 'applier',
      says: end.says,
      to: askerOf(request),
    });
  });
}

const EVENTS = { finish: 'apply', activate: 'apply', hand_over: 'hand_over', fail: 'fail', outdate: 'outdate' };

/** The watcher looks at a domain at its next turn. */
async function watchSoon(tx: Tx, domain: string, now: Date): Promise<void> {
  await tx.query('update ruawatch.dns_watch set due_at = least(due_at, $2) where domain = $1', [domain, now]);
}

/** Requests whose change is watched, also while a part of it is handed over. */
export async function watched(q: Queryable): Promise<Request[]> {
  const rows = await allInStates(q, ['active', 'handed_over']);
  return rows.filter(({ applied_at }) => applied_at !== null);
}

/** Ends the watch over a request: nothing broke, or the state before was restored, or could not be. */
export async function endWatch(
  db: Db,
  key: number,
  { step, says }: { step: 'settle' | 'return'; says: string },
  at: Date | null,
): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    const part = request.state === 'handed_over' && request.applied_at !== null && step === 'return';
    if (request.state !== 'active' && !part) return;
    const now = await momentOf(tx, at);
    await move(tx, key, part ? 'return_part' : step, { at: now, ends_at: null, outcome: says });
    await watchSoon(tx, request.domain, now);
    await note(tx, key, now, {
      event: step === 'return' ? 'return' : 'settle',
      actor: 'applier',
      says,
      to: askerOf(request),
    });
  });
}

/**
 * Requests whose records are to be published by somebody else, or were before anyone decided: all of them,
 * the oldest first.
 */
export async function awaited(q: Queryable): Promise<Request[]> {
  return allInStates(q, ['handed_over', 'pending', 'approved']);
}

/**
 * Ends a request whose records are published. Where a part of them was changed by the applier, all of it is
 * watched from then on.
 * @param watch_hours of the plan
 * @param given what is said instead
 */
export async function endAwaited(
  db: Db,
  key: number,
  at: Date | null,
  { watch_hours = 0, says: given }: { watch_hours?: number; says?: string } = {},
): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    if (request.state !== 'handed_over' && request.state !== 'pending' && request.state !== 'approved') return;
    const now = await momentOf(tx, at);
    const follow = request.state === 'handed_over' && request.applied_at !== null && watch_hours > 0;
    const says =
      given ??
      `The records are published as it asks: the watcher has seen them.${follow ? ` It is watched for ${watch_hours} hours.` : ''}`;
    const ends_at = follow ? hoursAfter(now, watch_hours) : null;
    await move(tx, key, follow ? 'follow' : 'appear', { at: now, expires_at: null, applied_at: now, ends_at, outcome: says });
    await note(tx, key, now, {
      event: 'appear',
      actor: 'applier',
      says,
      to: askerOf(request),
    });
  });
}

/** What the watcher sees at a name. */
export interface Published {
  TXT: string[];
  /** The names that it is an alias of, the next one first. */
  aliases: string[];
}

/**
 * What the watcher sees at the names of a plan, by name; a name that it has no answer about since then is
 * left out.
 */
export async function published(
  q: Queryable,
  plan: Pick<Plan, 'changes' | 'domain'>,
  since: Date,
): Promise<Map<string, Published>> {
  const names = plan.changes.flatMap((change) => (change.target === 'dns' ? [change.name] : []));
  const { rows } = await q.query<Published & { name: string }>(
    `select u.name, coalesce(array_agg(r.value) filter (where r.value is not null), '{}') as "TXT", u.aliases
       from ruawatch.dns_questions u
       left join ruawatch.dns_records r on r.domain = u.domain and r.name = u.name and r.type = u.type and r.gone_at is null
      where u.domain = $3 and u.name = any($1::text[]) and u.type = 'TXT' and u.answered_at >= $2
      group by u.name, u.aliases`,
    [names, since, plan.domain],
  );
  return new Map(rows.map(({ name, TXT, aliases }) => [name, { TXT, aliases }]));
}
