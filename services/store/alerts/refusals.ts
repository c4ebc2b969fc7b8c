import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';
import type { ClaimedMail } from './outbox.ts';

/**
 * Alerts, digests and mails about requests that wait because the mail server refuses some or all of their
 * recipients.
 */
export interface Refused {
  findings: number;
  /** Weekly digests. */
  digests: number;
  /** Requests with events that somebody was refused a mail about. */
  requests: number;
  /** Those whom the server refuses. */
  recipients: string[];
  /** What the server said last; null when there are none. */
  why: string | null;
  /** When the next of them is tried again. */
  next: Date | null;
}

/** Of what the mail server refused, and to whom. */
export interface Refusal {
  recipients: readonly string[];
  why: string;
  now: Date;
  /** Until the next try in milliseconds, by the refusals before this one and the age; null: there is none. */
  wait: (refusals: number, since: Date) => number | null;
}

/**
 * SQL: the columns of an event or a digest without the refused recipients ($3) among those mailed ($2: of the
 * mail).
 */
const TAKEN_BACK = `mailed_to = array(select r from unnest(coalesce(mailed_to, $2::text[])) r where r <> all($3::text[])),
            refused_for = array(select distinct r from unnest(refused_for || $3::text[]) r order by r),
            refusals = refusals + 1, refusal = $4, retry_at = $5::timestamptz`;

/**
 * Notes that the mail server refused a mail for some of its recipients: what it was about is mailed to them
 * anew later, or to whom the settings name then in their place. Those who got it are left alone.
 * @returns of how many events and digests another mail is made, and how many are given up
 */
export async function noteRefusal(
  tx: Tx,
  { audience, events, digest_key }: ClaimedMail,
  { recipients, why, now, wait }: Refusal,
): Promise<{ again: number; over: number }> {
  const counts = { again: 0, over: 0 };
  const next = (refusals: number, since: Date): Date | null => {
    const ms = wait(refusals, since);
    counts[ms === null ? 'over' : 'again']++;
    return ms === null ? null : new Date(now.getTime() + ms);
  };
  const { rows } = await tx.query<{ event_key: number; refusals: number; at: Date }>(
    `select event_key, refusals, at from ruawatch.finding_events where event_key = any($1::bigint[]) order by event_key for update`,
    [events],
  );
  for (const { event_key, refusals, at } of rows)
    await tx.query(
      `update ruawatch.finding_events
          set ${TAKEN_BACK}, handled_at = case when $5::timestamptz is null then coalesce(handled_at, $6::timestamptz) end
        where event_key = $1`,
      [event_key, audience, recipients, clipped(why, 300), next(refusals, at), now],
    );
  const { rows: digests } = await tx.query<{ refusals: number; made_at: Date }>(
    'select refusals, made_at from ruawatch.digests where digest_key = $1 for update',
    [digest_key],
  );
  for (const { refusals, made_at } of digests)
    await tx.query(`update ruawatch.digests set ${TAKEN_BACK} where digest_key = $1`, [
      digest_key,
      audience,
      recipients,
      clipped(why, 300),
      next(refusals, made_at),
    ]);
  return counts;
}

/** Makes all that was refused due: other settings may be accepted. @returns how many events and digests */
export async function retryRefused(q: Queryable, now: Date): Promise<number> {
  await q.query('update ruawatch.request_mails set retry_at = $1 where settled_at is null and retry_at > $1', [now]);
  const events = await q.query('update ruawatch.finding_events set retry_at = $1 where handled_at is null and retry_at > $1', [
    now,
  ]);
  const digests = await q.query('update ruawatch.digests set retry_at = $1 where retry_at > $1', [now]);
  return events.rowCount! + digests.rowCount!;
}

/** What waits because the mail server refused it. */
export async function refusedAlerts(q: Queryable): Promise<Refused> {
  const { rows } = await q.query<Refused>(
    `with waiting as (
       select finding_key, null::bigint as digest_key, null::bigint as request_key, refused_for, refusal, retry_at
         from ruawatch.finding_events where handled_at is null and retry_at is not null
        union all
       select null, digest_key, null, refused_for, refusal, retry_at from ruawatch.digests where retry_at is not null
        union all
       select null, null, e.request_key, array[m.recipient], m.refusal, m.retry_at
         from ruawatch.request_mails m join ruawatch.request_events e using (event_key)
        where m.settled_at is null and m.retry_at is not null)
     select count(distinct finding_key)::int as findings, count(digest_key)::int as digests,
            count(distinct request_key)::int as requests, min(retry_at) as next,
            (array_agg(refusal order by retry_at desc))[1] as why,
            array(select distinct r from waiting, unnest(refused_for) r order by r) as recipients
       from waiting`,
  );
  return rows[0]!;
}

/** Whom the mail server refused an alert for, and what it said. */
export interface Unmailed {
  recipients: string[];
  refusal: string;
}

/** The findings with recipients who were refused a mail and got none since, by key. */
export async function unmailedFindings(q: Queryable): Promise<Map<number, Unmailed>> {
  const { rows } = await q.query<{ finding_key: number } & Unmailed>(
    `select distinct on (finding_key) finding_key, refusal, left_over as recipients
       from ruawatch.finding_events e
      cross join lateral (
            select array(select r from unnest(e.refused_for) r
                          where not exists (select from ruawatch.finding_events l
                                             where l.finding_key = e.finding_key and l.event_key > e.event_key
                                               and r = any(l.mailed_to))) as left_over) x
      where refusals > 0 and (cardinality(left_over) > 0 or (handled_at is null and mailed_to is null))
      order by finding_key, event_key desc`,
  );
  return new Map(rows.map(({ finding_key, ...unmailed }) => [finding_key, unmailed]));
}
