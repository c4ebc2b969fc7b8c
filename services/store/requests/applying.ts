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
}

/** The changes of a request, those on the way back after the others. */
export async function changesOf(q: Queryable, key: number): Promise<ChangeRow[]> {
  const { rows } = await q.query<ChangeRow>(
    `select change_key, position, forward, target, name, state, intended_at, answer from ruawatch.changes
      where request_key = $1 order by forward desc, position`,
    [key],
  );
  return rows;
}

/** Writes what is intended, before anything is sent. What was written before stays. */
export async function intend(
  tx: Tx,
  key: number,
  changes: readonly { position: number; forward: boolean; target: string; change: DnsChange | SenderChange }[],
  at: Date,
): Promise<void> {
  for (const { position, forward, target, change } of changes) {
    const [before, after] = forward ? [change.before, change.after] : [change.after, change.before];
    const name = change.target === 'dns' ? change.name : change.source;
    await tx.query(
      `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'intended', $8) on conflict (request_key, position, forward) do nothing`,
      [key, position, forward, target, name, JSON.stringify(before), JSON.stringify(after), at],
    );
  }
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
    await move(tx, key, 'claim', { at: now, expires_at: null });
    await note(tx, key, now, { event: 'claim', actor: 'applier', says: 'It is being applied.', only: true });
    return true;
  });
}

/** How applying a request ended. */
export type ApplyEnd =
  | { step: 'finish' | 'activate'; says: string; watch_hours: number }
  | { step: 'hand_over' | 'fail' | 'outdate'; says: string };

/** Ends applying a request. Any number of appliers may call it; the first does it. */
export async function endApplying(db: Db, key: number, end: ApplyEnd, at: Date | null): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    if (request.state !== 'applying') return;
    const now = await momentOf(tx, at);
    const done = end.step === 'finish' || end.step === 'activate';
    await move(tx, key, end.step, {
      at: now,
      outcome: end.says,
      ...(done ? { applied_at: now } : {}),
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

/** Requests whose change is watched. */
export async function watched(q: Queryable): Promise<Request[]> {
  return allInStates(q, ['active']);
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
    if (request.state !== 'active') return;
    const now = await momentOf(tx, at);
    await move(tx, key, step, { at: now, ends_at: null, outcome: says });
    await watchSoon(tx, request.domain, now);
    await note(tx, key, now, {
      event: step === 'return' ? 'return' : 'settle',
      actor: 'applier',
      says,
      to: askerOf(request),
    });
  });
}

/** Requests whose records are to be published by somebody else, or were before anyone decided: all of them, the oldest first. */
export async function awaited(q: Queryable): Promise<Request[]> {
  return allInStates(q, ['handed_over', 'pending', 'approved']);
}

/** Ends a request whose records are published. */
export async function endAwaited(db: Db, key: number, at: Date | null): Promise<void> {
  await transaction(db, async (tx) => {
    const request = await lockRequest(tx, key);
    if (request.state !== 'handed_over' && request.state !== 'pending' && request.state !== 'approved') return;
    const now = await momentOf(tx, at);
    const says = 'The records are published as it asks: the watcher has seen them.';
    await move(tx, key, 'appear', { at: now, expires_at: null, applied_at: now, outcome: says });
    await note(tx, key, now, {
      event: 'appear',
      actor: 'applier',
      says,
      to: askerOf(request),
    });
  });
}

/**
 * The texts that the watcher sees at the names of a plan, and the names that they are aliases of, by name; a name it never got
 * an answer about is left out.
 */
export async function publishedTexts(
  q: Queryable,
  plan: Pick<Plan, 'changes' | 'domain'>,
  since: Date,
): Promise<Map<string, string[]>> {
  const names = plan.changes.flatMap((change) => (change.target === 'dns' ? [change.name] : []));
  const { rows } = await q.query<{ name: string; texts: string[] }>(
    `select u.name, coalesce(array_agg(r.value) filter (where r.value is not null), '{}') || u.aliases as texts
       from ruawatch.dns_questions u
       left join ruawatch.dns_records r on r.domain = u.domain and r.name = u.name and r.type = u.type and r.gone_at is null
      where u.domain = $3 and u.name = any($1::text[]) and u.type = 'TXT' and u.answered_at >= $2
      group by u.name, u.aliases`,
    [names, since, plan.domain],
  );
  return new Map(rows.map(({ name, texts }) => [name, texts]));
}
