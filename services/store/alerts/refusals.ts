import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';

/** Alerts that nobody got because the mail server refuses them. */
export interface Refused {
  /** Findings of which an event is unmailed for this reason. */
  findings: number;
  /** What the server said last; null when there are none. */
  why: string | null;
  /** When the next of them is tried again. */
  next: Date | null;
}

/**
 * Takes the events of a mail that nobody got for unmailed, so that they are composed again, for the recipients of the settings of
 * that moment and under another Message-ID. Events that another mail is about (to a recipient apart) stay as they are.
 * @param wait until the next try, by the number of refusals before this one, in milliseconds; null gives the events up
 * @returns how many events are tried again, and how many are given up
 */
export async function unmail(
  tx: Tx,
  outbox_key: number,
  { why, now, wait }: { why: string; now: Date; wait: (refusals: number, since: Date) => number | null },
): Promise<{ again: number; over: number }> {
  const { rows } = await tx.query<{ event_key: number; refusals: number; at: Date }>(
    `select e.event_key, e.refusals, e.at
       from ruawatch.outbox o
       join ruawatch.finding_events e on e.event_key = any(o.events)
      where o.outbox_key = $1
        and not exists (select from ruawatch.outbox other
                         where other.outbox_key > $1 - 1000 and other.outbox_key <> $1 and other.state <> 'failed'
                           and other.webhook is null and e.event_key = any(other.events))
      order by e.event_key
        for update of e`,
    [outbox_key],
  );
  const counts = { again: 0, over: 0 };
  for (const { event_key, refusals, at } of rows) {
    const ms = wait(refusals, at);
    if (ms === null) counts.over++;
    else counts.again++;
    await tx.query(
      `update ruawatch.finding_events
          set refusals = refusals + 1, refusal = $2, retry_at = $3::timestamptz,
              handled_at = case when $3::timestamptz is null then handled_at end
        where event_key = $1`,
      [event_key, clipped(why, 300), ms === null ? null : new Date(now.getTime() + ms)],
    );
  }
  return counts;
}

/** Makes all refused alerts due: other settings may be accepted. @returns how many events */
export async function retryRefused(q: Queryable, now: Date): Promise<number> {
  const { rowCount } = await q.query(
    'update ruawatch.finding_events set retry_at = $1 where handled_at is null and retry_at > $1',
    [now],
  );
  return rowCount ?? 0;
}

/** The alerts that wait because the mail server refused them. */
export async function refusedAlerts(q: Queryable): Promise<Refused> {
  const { rows } = await q.query<Refused>(
    `select count(distinct finding_key)::int as findings, min(retry_at) as next,
            (array_agg(refusal order by retry_at desc))[1] as why
       from ruawatch.finding_events where handled_at is null and retry_at is not null`,
  );
  return rows[0]!;
}

/** Open findings with an event that nobody was mailed about, with what the mail server said. */
export async function unmailedFindings(q: Queryable): Promise<Map<number, string>> {
  const { rows } = await q.query<{ finding_key: number; refusal: string }>(
    `select distinct on (finding_key) finding_key, refusal
       from ruawatch.finding_events e
      where refusals > 0
        and (handled_at is null
             or not exists (select from ruawatch.outbox o where o.state = 'sent' and o.webhook is null and e.event_key = any(o.events)))
      order by finding_key, event_key desc`,
  );
  return new Map(rows.map((row) => [row.finding_key, row.refusal]));
}
