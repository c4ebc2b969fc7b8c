import { createHash } from 'node:crypto';
import { type Evidence, readEvidence } from '../../findings/evidence.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import type { Step } from '../findings/findings.ts';
import { gravestFirst } from '../findings/gravest-first.ts';
import { lockNamed } from '../locks.ts';
import { SETTLED_ASK } from './settled-ask.ts';

/** An event that no mail was made of yet, without its evidence. */
export interface UnhandledEvent {
  event_key: number;
  finding_key: number;
  domain: string;
  severity: string;
  event: Step;
  at: Date;
  notify: boolean;
  /** A person has asked for silence about the finding: it is acknowledged or snoozed. */
  silent: boolean;
  /** For whom a mail about it was made that was not refused. */
  mailed_to: string[];
  /** Whom the mail server refused, and who are to get another mail at `retry_at`. */
  refused_for: string[];
  /** It was there when its domain was first analyzed. */
  standing: boolean;
  /**
   * How often the mail server refused a mail about it, and when it is due again; null when it was not
   * refused.
   */
  refusals: number;
  retry_at: Date | null;
  /** Whether an event of the finding was settled for all of its recipients. */
  known: boolean;
  /** For whom a mail about any event of the finding was made. */
  known_to: string[];
  /** The highest severity that the finding had at an event that was to be mailed. */
  gravest: string;
}

/** A finding as it was at one of its events: what a mail is rendered from. */
export interface FindingEvent {
  finding_key: number;
  revision: number;
  event: Step;
  at: Date;
  domain: string;
  kind: string;
  subject: string;
  severity: string;
  /** 0 to 1. */
  confidence: number;
  summary: string;
  evidence: Evidence;
  /** The evidence as it is stored: what webhooks get. */
  stored: unknown;
}

export interface NewMail {
  /** With its angle brackets, as in the header. */
  message_id: string;
  kind: 'finding' | 'digest' | 'weekly' | 'event' | 'events' | 'request' | 'sign_in' | 'held';
  /** Null if it is about several findings. */
  finding_key: number | null;
  recipients: string[];
  subject: string;
  /** The whole mail; every attempt sends these bytes. */
  raw: Buffer;
  /** It goes before what is not, and is counted apart. */
  urgent: boolean;
  created_at: Date;
  /** The events it is about; absent where there are none. */
  events?: readonly number[];
  /** The weekly digest that it is; absent for all other mails. */
  digest_key?: number;
  /** The request it is about; absent for all others, and for a mail about several. */
  request_key?: number;
  /** The events of requests it is about. */
  request_events?: readonly number[];
  /** The name of the webhook it is posted to; absent for mail. */
  webhook?: string;
}

export interface ClaimedMail {
  outbox_key: number;
  message_id: string;
  finding_key: number | null;
  /** Whom it was made for. */
  audience: string[];
  /** Who neither got it nor was refused. */
  recipients: string[];
  /** The events or the digest that it is about. */
  events: number[] | null;
  digest_key: number | null;
  request_events: number[] | null;
  raw: Buffer;
  /** Attempts that failed before this one. */
  attempts: number;
  created_at: Date;
}

/** Far above any real backlog; what is beyond it is seen by a later turn. */
const MOST_EVENTS = 20_000;
const MOST_FINDINGS = 10_000;

/**
 * A short name of this installation, the same after a restart, a dump and a restore, and different from every
 * other's: a digest of the microsecond in which the schema was made. (Postgres' own system identifier needs
 * rights that managed servers do not give.)
 */
export async function installation(q: Queryable): Promise<string> {
  const { rows } = await q.query<{ born: string }>(
    'select extract(epoch from applied_at)::text as born from ruawatch.migrations where version = 1',
  );
  return createHash('sha256').update(rows[0]!.born).digest('hex').slice(0, 12);
}

/**
 * One composer at a time, until the transaction ends: so the hourly cap counts right and a finding's mails
 * are made in order, however many alerters run. It waits; composing does no network work and takes
 * milliseconds.
 */
export async function lockComposing(tx: Tx): Promise<void> {
  await lockNamed(tx, 'compose');
}

/**
 * The events that no mail was made of yet, oldest first. If there are more than one round can handle, those
 * of the most severe findings: what is held back waits here and must not block others.
 */
export async function unhandledEvents(tx: Tx): Promise<UnhandledEvent[]> {
  const { rows } = await tx.query<UnhandledEvent>(
    `select e.event_key, e.finding_key, f.domain, e.severity, e.event, e.at, e.notify,
            f.acknowledged_at is not null or f.snoozed_until is not null as silent, e.standing,
            coalesce(e.mailed_to, '{}') as mailed_to, e.refused_for, e.refusals, e.retry_at, k.known, k.known_to,
            coalesce(k.gravest, e.severity) as gravest
       from ruawatch.finding_events e
       join ruawatch.findings f using (finding_key)
      cross join lateral (
            select coalesce(bool_or(h.handled_at is not null and (h.mailed_to is null or h.refusals = 0)), false) as known,
                   coalesce(array_agg(distinct r) filter (where r is not null), '{}') as known_to,
                   (array_agg(h.severity order by ${gravestFirst('h.severity')}))[1] as gravest
              from ruawatch.finding_events h left join lateral unnest(h.mailed_to) r on true
             where h.finding_key = e.finding_key and h.notify) k
      where e.handled_at is null
        and e.finding_key in (
            select finding_key from ruawatch.finding_events where handled_at is null
             group by finding_key
             order by min(${gravestFirst('severity')}), min(event_key)
             limit ${MOST_FINDINGS})
      order by e.event_key`,
  );
  return rows;
}

/** Whether reports are still to be read or analyzed, which may find more that stands. */
export async function historyWaits(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ waits: boolean }>(
    `select exists (select from ruawatch.messages where state = 'received') or exists (select from ruawatch.analysis_work) as waits`,
  );
  return rows[0]!.waits;
}

/**
 * Locks those of the events that are still unhandled and that nobody else holds.
 * @returns how often each was refused by now
 */
export async function lockEvents(tx: Tx, eventKeys: number[]): Promise<Map<number, number>> {
  const { rows } = await tx.query<{ event_key: number; refusals: number }>(
    `select event_key, refusals from ruawatch.finding_events
      where event_key = any($1) and handled_at is null
      order by event_key
        for update skip locked`,
    [eventKeys],
  );
  return new Map(rows.map((row) => [row.event_key, row.refusals]));
}

/** The events with their evidence, in the order of the keys given. */
export async function findingEvents(tx: Tx, eventKeys: number[]): Promise<FindingEvent[]> {
  const { rows } = await tx.query<Omit<FindingEvent, 'evidence'>>(
    `select e.finding_key, e.revision, e.event, e.at, f.domain, f.kind, f.subject, e.severity, f.confidence,
            e.summary, e.evidence as stored
       from ruawatch.finding_events e
       join ruawatch.findings f using (finding_key)
      where e.event_key = any($1)
      order by array_position($1::bigint[], e.event_key)`,
    [eventKeys],
  );
  return rows.map((row) => ({ ...row, evidence: readEvidence(row.stored) }));
}

/** Settles events, whoever was mailed about them. */
export async function markHandled(tx: Tx, eventKeys: number[], at: Date): Promise<void> {
  await tx.query(
    "update ruawatch.finding_events set handled_at = $2, retry_at = null, refused_for = '{}' where event_key = any($1)",
    [eventKeys, at],
  );
}

/**
 * Marks events of which a mail to some recipients was made. They are settled once that is so for all.
 * @param all the recipients of the settings of this moment
 */
export async function markMailed(
  tx: Tx,
  eventKeys: readonly number[],
  { to, all, at }: { to: readonly string[]; all: readonly string[]; at: Date },
): Promise<void> {
  await tx.query(
    `update ruawatch.finding_events e
        set mailed_to = n.mailed, refused_for = case when $3::text[] <@ n.mailed then '{}' else n.refused end,
            handled_at = case when $3::text[] <@ n.mailed then $4::timestamptz end,
            retry_at = case when $3::text[] <@ n.mailed or not n.refused && $3::text[] then null else o.retry_at end
       from ruawatch.finding_events o
      cross join lateral (
            select array(select distinct r from unnest(o.mailed_to || $2::text[]) r order by r) as mailed,
                   array(select r from unnest(o.refused_for) r where r <> all($2::text[])) as refused) n
      where e.event_key = any($1) and o.event_key = e.event_key`,
    [eventKeys, to, all, at],
  );
}

/** An event that no post was made of yet. */
export interface UnpostedEvent {
  event_key: number;
  finding_key: number;
  event: Step;
  severity: string;
  at: Date;
  notify: boolean;
  silent: boolean;
  /** It was there when its domain was first analyzed. */
  standing: boolean;
}

/** The events that no post was made of yet, oldest first. */
export async function unpostedEvents(tx: Tx): Promise<UnpostedEvent[]> {
  const { rows } = await tx.query<UnpostedEvent>(
    `select e.event_key, e.finding_key, e.event, e.severity, e.at, e.notify, e.standing,
            f.acknowledged_at is not null or f.snoozed_until is not null as silent
       from ruawatch.finding_events e
       join ruawatch.findings f using (finding_key)
      where e.posted_at is null
      order by e.event_key
      limit ${MOST_EVENTS}
        for update of e skip locked`,
  );
  return rows;
}

export async function markPosted(tx: Tx, eventKeys: number[], at: Date): Promise<void> {
  await tx.query('update ruawatch.finding_events set posted_at = $2 where event_key = any($1)', [eventKeys, at]);
}

/** What waits for a webhook that is no longer set has nowhere to go. @returns how many posts were given up */
export async function failOrphans(q: Queryable, webhooks: readonly string[]): Promise<number> {
  const { rowCount } = await q.query(
    `update ruawatch.outbox set state = 'failed', last_error = 'Its webhook is no longer among the settings.'
      where state = 'pending' and webhook is not null and webhook <> all($1::text[])`,
    [webhooks],
  );
  return rowCount!;
}

/**
 * The newest mails to just these recipients (or posts to a webhook), newest first. `domain` is null where
 * there are several.
 */
export async function newestMails(
  tx: Tx,
  recipients: string[],
  limit: number,
  webhook: string | null = null,
): Promise<{ at: Date; domain: string | null; urgent: boolean }[]> {
  const { rows } = await tx.query<{ at: Date; domain: string | null; urgent: boolean }>(
    `select o.created_at as at, f.domain, o.urgent
       from ruawatch.outbox o
       left join ruawatch.findings f using (finding_key)
      where o.recipients = $1 and o.webhook is not distinct from $3 and o.kind not in ('weekly', 'request', 'sign_in', 'held')
      order by o.outbox_key desc limit $2`,
    [recipients, limit, webhook],
  );
  return rows;
}

/**
 * The Message-ID of the mail that began a finding's thread for these recipients; null when there is none yet,
 * or it was in a digest.
 */
export async function firstMailOf(tx: Tx, finding_key: number, to: readonly string[]): Promise<string | null> {
  const { rows } = await tx.query<{ message_id: string }>(
    `select message_id from ruawatch.outbox
      where finding_key = $1 and webhook is null and state <> 'failed'
        and exists (select from unnest(recipients) r where r = any($2::text[]) and r <> all(refused_for))
      order by outbox_key limit 1`,
    [finding_key, to],
  );
  return rows[0]?.message_id ?? null;
}

/**
 * Puts a mail into the outbox, due at once. A Message-ID that exists already stays as it is: it is about the
 * same events.
 */
export async function insertMail(tx: Tx, mail: NewMail): Promise<number | null> {
  const { rows } = await tx.query<{ outbox_key: number }>(
    `insert into ruawatch.outbox (message_id, kind, finding_key, recipients, subject, raw, created_at, next_at, webhook, urgent, events,
            digest_key, request_key, request_events)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13)
     on conflict (message_id) do nothing
     returning outbox_key`,
    [
      mail.message_id,
      mail.kind,
      mail.finding_key,
      mail.recipients,
      mail.subject,
      mail.raw,
      mail.created_at,
      mail.webhook ?? null,
      mail.urgent,
      mail.events ?? null,
      mail.digest_key ?? null,
      mail.request_key ?? null,
      mail.request_events ?? null,
    ],
  );
  return rows[0]?.outbox_key ?? null;
}

/**
 * Claims the next due mail (or post of a webhook) for as long as the transaction lasts; nobody else can claim
 * it meanwhile. A finding's later mail waits until its earlier one is out, so that a thread never arrives in
 * the wrong order; so does a request's, for each recipient. It does not wait for single recipients whom the
 * server puts off. A mail that asks for a decision that was made meanwhile is left.
 */
export async function claimDueMail(tx: Tx, now: Date, webhook: string | null = null): Promise<ClaimedMail | null> {
  // The transaction is idle while the mail server is spoken to; a limit that is shorter than a mail may take
  // would send it twice. Without any, a session on a line that fell silent would keep the mail for hours.
  await tx.query("set local idle_in_transaction_session_timeout = '15min'");
  const { rows } = await tx.query<ClaimedMail>(
    `select outbox_key, message_id, finding_key, recipients as audience, events, digest_key, request_events, raw, attempts, created_at,
            array(select r from unnest(recipients) r where r <> all(delivered_to || refused_for)) as recipients
       from ruawatch.outbox o
      where state = 'pending' and next_at <= $1 and webhook is not distinct from $2
        and not exists (select 1 from ruawatch.outbox e
                         where (e.finding_key = o.finding_key or (e.request_key = o.request_key and e.recipients = o.recipients))
                            and e.outbox_key < o.outbox_key and e.state = 'pending'
                            and e.delivered_to = '{}' and e.webhook is not distinct from o.webhook)
        and not (${SETTLED_ASK})
      order by urgent desc, outbox_key
      limit 1
        for update skip locked`,
    [now, webhook],
  );
  return rows[0] ?? null;
}

/** Notes who got a mail, and whom the server refused. */
export async function noteDelivery(
  tx: Tx,
  outbox_key: number,
  { delivered, refused }: { delivered: readonly string[]; refused: readonly string[] },
): Promise<void> {
  await tx.query(
    'update ruawatch.outbox set delivered_to = delivered_to || $2::text[], refused_for = refused_for || $3::text[] where outbox_key = $1',
    [outbox_key, delivered, refused],
  );
}

export async function mailSent(tx: Tx, outbox_key: number, at: Date, note: string | null): Promise<void> {
  await tx.query("update ruawatch.outbox set state = 'sent', sent_at = $2, last_error = $3 where outbox_key = $1", [
    outbox_key,
    at,
    note,
  ]);
}

/** Puts a mail off, for those who still have to get it. */
export async function mailDelayed(tx: Tx, outbox_key: number, to: { next_at: Date; error: string }): Promise<void> {
  await tx.query('update ruawatch.outbox set attempts = attempts + 1, next_at = $2, last_error = $3 where outbox_key = $1', [
    outbox_key,
    to.next_at,
    to.error,
  ]);
}

/** Ends a mail that nobody gets any more; it was sent if somebody got it before. */
export async function mailFailed(tx: Tx, outbox_key: number, error: string): Promise<void> {
  await tx.query(
    `update ruawatch.outbox set state = case when delivered_to = '{}' then 'failed' else 'sent' end, attempts = attempts + 1, last_error = $2
      where outbox_key = $1`,
    [outbox_key, error],
  );
}

/** Mails (or posts of a webhook) not out yet. */
export async function pendingMails(q: Queryable, webhook: string | null = null): Promise<number> {
  const { rows } = await q.query<{ n: number }>(
    "select count(*) as n from ruawatch.outbox where state = 'pending' and webhook is not distinct from $1",
    [webhook],
  );
  return rows[0]!.n;
}
