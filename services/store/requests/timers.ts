import type { Stage } from '../../requests/rules.ts';
import type { Db, Tx } from '../../shared/runtime/db.ts';

export type Timer = 'remind' | 'escalate';

const HOUR_MS = 3_600_000;
export const hoursAfter = (at: Date, hours: number): Date => new Date(at.getTime() + hours * HOUR_MS);

/** Sets the timers of a stage that begins now; those of the stage before are gone. */
export async function setTimers(tx: Tx, request_key: number, stage: Stage, at: Date): Promise<void> {
  await tx.query('delete from ruawatch.request_timers where request_key = $1', [request_key]);
  const due: [Timer, Date][] = [
    ...(stage.remind_hours === null ? [] : [['remind', hoursAfter(at, stage.remind_hours)] as [Timer, Date]]),
    ...(stage.escalate === null ? [] : [['escalate', hoursAfter(at, stage.escalate.after_hours)] as [Timer, Date]]),
  ];
  for (const [what, due_at] of due)
    await tx.query('insert into ruawatch.request_timers (request_key, what, due_at) values ($1, $2, $3)', [
      request_key,
      what,
      due_at,
    ]);
}

/** The requests with something due: a timer, or the end of a state that waits. */
export async function dueRequests(db: Db, at: Date | null, limit: number): Promise<number[]> {
  const { rows } = await db.query<{ request_key: number }>(
    `select request_key from ruawatch.request_timers where due_at <= coalesce($1, clock_timestamp())
     union
     select request_key from ruawatch.requests
      where state in ('draft', 'pending', 'approved') and expires_at <= coalesce($1, clock_timestamp())
      order by 1 limit $2`,
    [at, limit],
  );
  return rows.map((row) => row.request_key);
}

/** The timers of a locked request that are due, with how often each was done. */
export async function dueTimers(tx: Tx, request_key: number, at: Date): Promise<{ what: Timer; done: number }[]> {
  const { rows } = await tx.query<{ what: Timer; done: number }>(
    'select what, done from ruawatch.request_timers where request_key = $1 and due_at <= $2 order by what',
    [request_key, at],
  );
  return rows;
}

/** Whether a request was escalated, and so often. */
export async function escalations(tx: Tx, request_key: number): Promise<number> {
  const { rows } = await tx.query<{ done: number }>(
    "select done from ruawatch.request_timers where request_key = $1 and what = 'escalate'",
    [request_key],
  );
  return rows[0]?.done ?? 0;
}

/**
 * Notes that a timer's work was done. @param next when it is due again; null when never: it stays, and counts
 */
export async function timerDone(tx: Tx, request_key: number, what: Timer, next: Date | null): Promise<void> {
  await tx.query(
    "update ruawatch.request_timers set done = done + 1, due_at = coalesce($3::timestamptz, 'infinity') where request_key = $1 and what = $2",
    [request_key, what, next],
  );
}
