import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';
import { type Chunk, inflateChunk } from './raw-chunks.ts';

export type MessageState = 'received' | 'stored' | 'ignored' | 'quarantined' | 'failed';

export interface ClaimedMessage {
  message_key: number;
  received_at: Date;
  stored_at: Date;
  size: number;
  mailbox: string;
  file: string | null;
}

/**
 * Locks those of `keys` that still wait to be parsed, until the transaction ends. Messages that another
 * worker holds, or has settled, are left out: a job that is delivered twice does its work once.
 */
export async function claimMessages(tx: Tx, keys: readonly number[]): Promise<ClaimedMessage[]> {
  const { rows } = await tx.query<ClaimedMessage>(
    `select message_key, received_at, stored_at, size, mailbox, file
       from ruawatch.messages
      where message_key = any($1::bigint[]) and state = 'received'
      order by message_key
        for update skip locked`,
    [keys],
  );
  return rows;
}

/** Loads what decides how those of `keys` that still wait are batched. */
export async function waitingMessages(
  db: Queryable,
  keys: readonly number[],
): Promise<{ message_key: number; size: number; worker_deaths: number }[]> {
  const { rows } = await db.query<{ message_key: number; size: number; worker_deaths: number }>(
    `select message_key, size, worker_deaths from ruawatch.messages where message_key = any($1::bigint[]) and state = 'received' order by message_key`,
    [keys],
  );
  return rows;
}

/**
 * When messages were stored, as bounds for `>=` and `<`, so that only their months are searched for raw
 * bytes. The upper bound is a millisecond later, since a Date has no microseconds.
 */
export function storedRange(messages: readonly { stored_at: Date }[]): [from: Date, before: Date] {
  const times = messages.map((m) => m.stored_at.getTime());
  return [new Date(Math.min(...times)), new Date(Math.max(...times) + 1)];
}

/**
 * Loads the raw bytes of several small messages in one round trip.
 * @throws PermanentError `raw_damaged` when a row does not hold what was stored
 */
export async function loadRaws(
  db: Queryable,
  messages: readonly Pick<ClaimedMessage, 'message_key' | 'stored_at'>[],
): Promise<Map<number, Buffer>> {
  if (messages.length === 0) return new Map();
  const { rows } = await db.query<Chunk & { message_key: number }>(
    `select message_key, bytes, plain_size from ruawatch.raw
      where message_key = any($1::bigint[]) and stored_at >= $2 and stored_at < $3 order by message_key, n`,
    [messages.map((m) => m.message_key), ...storedRange(messages)],
  );
  const chunks = new Map<number, Buffer[]>();
  for (const row of rows) {
    const list = chunks.get(row.message_key);
    const bytes = inflateChunk(row, row.message_key);
    if (list) list.push(bytes);
    else chunks.set(row.message_key, [bytes]);
  }
  return new Map([...chunks].map(([key, list]) => [key, list.length === 1 ? list[0]! : Buffer.concat(list)]));
}

/**
 * Loads the raw bytes of one message of any size, chunk by chunk into one buffer. Null when there are none.
 * @throws PermanentError `raw_damaged` when a row does not hold what was stored
 */
export async function loadRaw(
  db: Queryable,
  message: Pick<ClaimedMessage, 'message_key' | 'stored_at' | 'size'>,
): Promise<Buffer | null> {
  const { message_key, size } = message;
  const range = storedRange([message]);
  const raw = Buffer.allocUnsafe(size);
  let at = 0;
  for (let n = 0; ; n++) {
    const { rows } = await db.query<Chunk>(
      'select bytes, plain_size from ruawatch.raw where message_key = $1 and n = $2 and stored_at >= $3 and stored_at < $4',
      [message_key, n, ...range],
    );
    const chunk = rows[0];
    if (!chunk) return n === 0 && size > 0 ? null : raw.subarray(0, at);
    at += inflateChunk(chunk, message_key).copy(raw, at);
  }
}

export interface Settlement {
  message_key: number;
  state: Exclude<MessageState, 'received'>;
  code: string | null;
  reason: string | null;
}

/** Writes the final states of a batch of messages, in one statement. */
export async function settleMessages(tx: Queryable, settlements: readonly Settlement[]): Promise<void> {
  await tx.query(
    `update ruawatch.messages m
        set state = s.state, code = s.code, reason = s.reason, settled_at = now(), attempts = m.attempts + 1
       from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) as s(message_key, state, code, reason)
      where m.message_key = s.message_key and m.state = 'received'`,
    [
      settlements.map((s) => s.message_key),
      settlements.map((s) => s.state),
      settlements.map((s) => s.code),
      settlements.map((s) => (s.reason === null ? null : clipped(s.reason, 1000))),
    ],
  );
}

/** Notes on messages that will be tried again why an attempt failed. */
export async function noteAttempt(db: Queryable, keys: readonly number[], code: string, reason: string): Promise<void> {
  await db.query(
    `update ruawatch.messages set attempts = attempts + 1, code = $2, reason = $3 where message_key = any($1::bigint[]) and state = 'received'`,
    [keys, code, clipped(reason, 1000)],
  );
}

/**
 * Takes up to `limit` waiting messages whose job is missing or overdue, and marks them as queued now, so that
 * two sweepers never take the same ones.
 */
export async function takeUnqueued(db: Db, overdueSeconds: number, limit: number): Promise<number[]> {
  const { rows } = await db.query<{ message_key: number }>(
    `with due as (
       select message_key from ruawatch.messages
        where state = 'received' and (queued_at is null or queued_at < now() - make_interval(secs => $1))
        order by message_key limit $2
          for update skip locked)
     update ruawatch.messages m set queued_at = now() from due where m.message_key = due.message_key
     returning m.message_key`,
    [overdueSeconds, limit],
  );
  return rows.map((r) => r.message_key).sort((a, b) => a - b);
}

export interface MessageFilter {
  states?: readonly string[];
  code?: string | undefined;
  mailbox?: string | undefined;
  limit?: number;
}

export interface MessageRow {
  message_key: number;
  mailbox: string;
  file: string | null;
  received_at: Date;
  sender: string | null;
  subject: string | null;
  size: number;
  sha256: string | null;
  state: MessageState;
  code: string | null;
  reason: string | null;
  attempts: number;
}

const ROW = `message_key, mailbox, file, received_at, sender, subject, size, encode(sha256, 'hex') as sha256, state, code, reason, attempts`;

/** Lists messages, the newest first. */
export async function listMessages(db: Queryable, filter: MessageFilter): Promise<MessageRow[]> {
  const { rows } = await db.query<MessageRow>(
    `select ${ROW} from ruawatch.messages
      where ($1::text[] is null or state = any($1)) and ($2::text is null or code = $2) and ($3::text is null or mailbox = $3)
      order by message_key desc limit $4`,
    [filter.states?.length ? filter.states : null, filter.code ?? null, filter.mailbox ?? null, filter.limit ?? 50],
  );
  return rows;
}

export interface MessageReport {
  report_key: number;
  part: number;
  org_name: string | null;
  report_id: string;
  domain: string;
  begin_at: Date;
  end_at: Date;
  records: number;
  messages: number;
  duplicates: number;
  superseded_by: number | null;
  /** What the verification of its mail found, whether it therefore counts, and why. */
  reporter_trust: string | null;
  trust: string;
  trust_reason: string | null;
}

/** A TLS report (RFC 8460) or failure report (RFC 9991) of a message. */
export interface MessageOther {
  key: number;
  part: number;
  domains: (string | null)[];
  duplicates: number;
  superseded_by: number | null;
  /** What the verification of its mail found, whether it therefore counts, and why. */
  reporter_trust: string | null;
  trust: string;
  trust_reason: string | null;
}

/** A message with everything that was read from it. */
export interface MessageWithReports extends MessageRow {
  reports: MessageReport[];
  tls_reports: MessageOther[];
  failure_reports: MessageOther[];
}

/** One message with the reports read from it; null when the key does not exist. */
export async function showMessage(db: Queryable, key: number): Promise<MessageWithReports | null> {
  const { rows } = await db.query<MessageRow>(`select ${ROW} from ruawatch.messages where message_key = $1`, [key]);
  if (!rows[0]) return null;
  const { rows: reports } = await db.query<MessageReport>(
    `select report_key, part, org_name, report_id, domain, begin_at, end_at, records, messages, duplicates, superseded_by,
            reporter_trust, trust, trust_reason
       from ruawatch.reports where message_key = $1 order by part`,
    [key],
  );
  const { rows: tls_reports } = await db.query<MessageOther>(
    `select tls_report_key as key, part, duplicates, superseded_by, reporter_trust, trust, trust_reason,
            array(select distinct policy_domain from ruawatch.tls_policies p where p.tls_report_key = r.tls_report_key) as domains
       from ruawatch.tls_reports r where message_key = $1 order by part`,
    [key],
  );
  const { rows: failure_reports } = await db.query<MessageOther>(
    `select failure_key as key, part, duplicates, null::bigint as superseded_by, array[domain] as domains,
            reporter_trust, trust, trust_reason
       from ruawatch.failure_reports where message_key = $1 order by part`,
    [key],
  );
  return { ...rows[0], reports, tls_reports, failure_reports };
}

/**
 * Returns messages to the queue: those of `keys`, or all in the given states. Only quarantined, failed and
 * ignored messages can be replayed, and none whose raw bytes are gone.
 * @returns the keys of the messages that wait now
 */
export async function replayMessages(
  db: Db,
  filter: { keys?: readonly number[]; states?: readonly string[]; code?: string | undefined },
): Promise<number[]> {
  const { rows } = await db.query<{ message_key: number }>(
    `update ruawatch.messages m
        set state = 'received', code = null, reason = null, settled_at = null, attempts = 0, worker_deaths = 0, queued_at = now()
      where state in ('quarantined', 'failed', 'ignored')
        and ($1::bigint[] is null or message_key = any($1))
        and ($2::text[] is null or state = any($2))
        and ($3::text is null or code = $3)
        and raw_gone_at is null
        and exists (select 1 from ruawatch.raw r where r.message_key = m.message_key and r.n = 0 and r.stored_at = m.stored_at)
    returning message_key`,
    [filter.keys ?? null, filter.states?.length ? filter.states : null, filter.code ?? null],
  );
  return rows.map((r) => r.message_key).sort((a, b) => a - b);
}

/** The number of messages in each state. */
export async function countMessages(db: Queryable): Promise<Record<MessageState, number>> {
  const counts: Record<MessageState, number> = { received: 0, stored: 0, ignored: 0, quarantined: 0, failed: 0 };
  const { rows } = await db.query<{ state: MessageState; n: number }>(
    'select state, count(*) as n from ruawatch.messages group by state',
  );
  for (const row of rows) counts[row.state] = row.n;
  return counts;
}

/** The raw bytes of the newest small mails with reports that came from a mailbox. */
export async function newestRaws(db: Queryable, mails: number): Promise<Buffer[]> {
  const { rows } = await db.query<{ message_key: number; stored_at: Date }>(
    `select message_key, stored_at from ruawatch.messages
      where state = 'stored' and folder is not null and size <= 262144 order by message_key desc limit $1`,
    [mails],
  );
  return [...(await loadRaws(db, rows)).values()];
}
