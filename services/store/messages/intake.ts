import { createHash } from 'node:crypto';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';
import { CHUNK_BYTES, type Chunk, deflateChunk } from './raw-chunks.ts';

/** Bytes of raw mail in one statement, about. */
const STATEMENT_BYTES = 1024 * 1024;
/** Codes of mails that were recorded without their bytes, and stay in the mailbox. */
export const LEFT_CODES = ['mail_too_large', 'mail_unreadable'] as const;

/** Where a mail was seen. `folder` and `uidValidity` are null when it did not come from an IMAP server. */
export interface Place {
  mailbox: string;
  folder: string | null;
  uidValidity: number | null;
}

/**
 * A mail as it arrived, without its bytes. Its texts may hold anything: they are made fit for the database
 * here.
 */
export interface Arrival {
  uid: number | null;
  receivedAt: Date;
  sender: string | null;
  subject: string | null;
  messageId: string | null;
  /** Bytes. */
  size: number;
  sha256: Buffer;
  /** The path it was imported from. */
  file?: string;
}

/**
 * By what a mailbox knows a mail again: its bytes, or what is known of a mail whose bytes are not fetched.
 */
export const fingerprintOf = (content: Buffer | string): Buffer => createHash('sha256').update(content).digest();

export interface Intake {
  /** Keys of the mails that were new, ascending. */
  stored: number[];
  /** Keys of the mails that were stored already; their rows name `place` now. */
  known: number[];
  /** The key of every mail, by its sha256 in hexadecimal. */
  keys: Map<string, number>;
}

/**
 * Stores a batch of mails with their bytes. New ones become `received`; of those whose bytes this mailbox
 * delivered before (unique by mailbox and sha256) only the place is updated. Two statements, and one for
 * every 256 chunks, whatever the size of the batch.
 */
export async function storeMails(tx: Tx, place: Place, mails: readonly (Arrival & { raw: Buffer })[]): Promise<Intake> {
  const unique = new Map(mails.map((mail) => [mail.sha256.toString('hex'), mail]));
  // Sorted in every transaction: two that insert the same fingerprints wait for each other and never
  // deadlock.
  const sorted = [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const fresh = await insertMessages(
    tx,
    place,
    sorted.map(([, mail]) => mail),
  );
  const chunks: { key: number; n: number; bytes: Buffer }[] = [];
  for (const { message_key: key, fingerprint } of fresh) {
    const { raw } = unique.get(fingerprint)!;
    for (let n = 0; n === 0 || n * CHUNK_BYTES < raw.length; n++) {
      chunks.push({ key, n, bytes: raw.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES) });
    }
  }
  await insertChunks(tx, chunks);
  const isFresh = new Set(fresh.map((row) => row.fingerprint));
  const old = sorted.filter(([hex]) => !isFresh.has(hex)).map(([, mail]) => mail);
  const known = old.length === 0 ? [] : await updatePlaces(tx, place, old);
  const keys = new Map([...fresh, ...known].map((row) => [row.fingerprint, row.message_key]));
  return { stored: keysOf(fresh).sort((a, b) => a - b), known: keysOf(known), keys };
}

/** A row of ruawatch.messages; `fingerprint` in hexadecimal. */
interface MessageKey {
  message_key: number;
  fingerprint: string;
}

const keysOf = (rows: readonly MessageKey[]): number[] => rows.map((row) => row.message_key);

async function insertMessages(tx: Tx, place: Place, mails: readonly Arrival[], key: number | null = null): Promise<MessageKey[]> {
  const { rows } = await tx.query<MessageKey>(
    `insert into ruawatch.messages
            (${key === null ? '' : 'message_key, '}mailbox, folder, uid_validity, uid, received_at, sender, subject, message_id, size,
             sha256, fingerprint, file, state, queued_at)
     select ${key === null ? '' : `${Number(key)}, `}$1, $2, $3, m.uid, m.received_at, m.sender, m.subject, m.message_id, m.size,
            m.sha256, m.sha256, m.file, 'received', now()
       from unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::text[])
         as m(uid, received_at, sender, subject, message_id, size, sha256, file)
     on conflict (mailbox, fingerprint) do nothing
     returning message_key, encode(fingerprint, 'hex') as fingerprint`,
    [place.mailbox, place.folder, place.uidValidity, ...columnsOf(mails), mails.map((m) => storable(m.file ?? null))],
  );
  return rows;
}

function columnsOf(mails: readonly Arrival[]): unknown[] {
  return [
    mails.map((m) => m.uid),
    mails.map((m) => m.receivedAt.toISOString()),
    mails.map((m) => storable(m.sender)),
    mails.map((m) => storable(m.subject)),
    mails.map((m) => storable(m.messageId)),
    mails.map((m) => m.size),
    mails.map((m) => m.sha256),
  ];
}

/**
 * Deflates and writes chunks. Each is a parameter of its own: the driver sends single parameters as bytes,
 * and arrays as hexadecimal text.
 */
async function insertChunks(tx: Tx, chunks: readonly { key: number; n: number; bytes: Buffer }[]): Promise<void> {
  const PER_STATEMENT = 256;
  for (let at = 0; at < chunks.length; ) {
    const some: (Chunk & { key: number; n: number })[] = [];
    // The driver copies all of a statement's bytes into one message.
    for (let bytes = 0; at < chunks.length && some.length < PER_STATEMENT && bytes < STATEMENT_BYTES; at++) {
      const { key, n, bytes: plain } = chunks[at]!;
      const chunk = deflateChunk(plain);
      some.push({ key, n, ...chunk });
      bytes += chunk.bytes.length;
    }
    const rows = some.map(
      (_, i) => `($${4 * i + 1}::bigint, $${4 * i + 2}::integer, $${4 * i + 3}::bytea, $${4 * i + 4}::integer)`,
    );
    await tx.query(
      `insert into ruawatch.raw (message_key, n, bytes, plain_size) values ${rows.join(', ')}`,
      some.flatMap((p) => [p.key, p.n, p.bytes, p.plain_size]),
    );
  }
}

/**
 * Notes where mails that are stored already were seen again, and that they are still to be moved, flagged or
 * deleted there.
 */
export async function updatePlaces(
  db: Queryable,
  place: Place,
  mails: readonly { uid: number | null; sha256: Buffer }[],
): Promise<MessageKey[]> {
  const { rows } = await db.query<MessageKey>(
    // Sorted in every transaction: two imports may read the same files at once.
    `with held as materialized (
       select m.message_key, m.fingerprint from ruawatch.messages m
        where m.mailbox = $1 and m.fingerprint = any($5::bytea[]) order by m.fingerprint for update)
     update ruawatch.messages m
        set folder = $2, uid_validity = $3, uid = k.uid, disposed_at = null
       from unnest($4::bigint[], $5::bytea[]) as k(uid, fingerprint) join held h on h.fingerprint = k.fingerprint
      where m.message_key = h.message_key
      returning m.message_key, encode(m.fingerprint, 'hex') as fingerprint`,
    [place.mailbox, place.folder, place.uidValidity, mails.map((m) => m.uid), mails.map((m) => m.sha256)],
  );
  return rows;
}

/** Reserves a key, so that the chunks of a large mail can be written while it is still arriving. */
export async function reserveKey(tx: Tx): Promise<number> {
  const { rows } = await tx.query<{ key: number }>(
    `select nextval(pg_get_serial_sequence('ruawatch.messages', 'message_key')) as key`,
  );
  return rows[0]!.key;
}

/** Writes chunk `n` of a mail. */
export async function storeChunk(tx: Tx, key: number, n: number, bytes: Buffer): Promise<void> {
  await insertChunks(tx, [{ key, n, bytes }]);
}

/**
 * Writes the row of a mail whose chunks are written.
 * @returns false when the mail is stored already: then roll the chunks back
 */
export async function storeStreamed(tx: Tx, place: Place, key: number, mail: Arrival): Promise<boolean> {
  return (await insertMessages(tx, place, [mail], key)).length === 1;
}

/** A mail whose bytes were not stored. */
export interface LeftMail extends Omit<Arrival, 'sha256'> {
  fingerprint: Buffer;
  code: (typeof LEFT_CODES)[number];
  reason: string;
}

/**
 * Records mails that stay in the mailbox as quarantined, without their bytes: each once, however often it is
 * seen.
 * @returns the number of new ones
 */
export async function recordLeft(db: Queryable, place: Place, mails: readonly LeftMail[]): Promise<number> {
  const { rows } = await db.query<{ fresh: boolean }>(
    `insert into ruawatch.messages
            (mailbox, folder, uid_validity, uid, received_at, sender, subject, message_id, size, fingerprint, state, code, reason,
             settled_at, disposed_at)
     select $1, $2, $3, m.uid, m.received_at, m.sender, m.subject, m.message_id, m.size, m.fingerprint, 'quarantined', m.code, m.reason,
            now(), now()
       from unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::text[], $12::text[])
         as m(uid, received_at, sender, subject, message_id, size, fingerprint, code, reason)
     on conflict (mailbox, fingerprint) do update
        set folder = excluded.folder, uid_validity = excluded.uid_validity, uid = excluded.uid
     returning (xmax = 0) as fresh`,
    [
      place.mailbox,
      place.folder,
      place.uidValidity,
      ...columnsOf(mails.map((m) => ({ ...m, sha256: m.fingerprint }))),
      mails.map((m) => m.code),
      mails.map((m) => storable(m.reason)),
    ],
  );
  return rows.filter((r) => r.fresh).length;
}

/** A recorded mail that stayed in the mailbox. */
export interface LeftRow {
  message_key: number;
  uid: number;
  /** It was too large, and is not any more, since the limit was raised. */
  fits: boolean;
}

/** The recorded mails that stayed in this folder. @param mailBytes the present size limit */
export async function leftMails(db: Queryable, place: Place, mailBytes: number): Promise<LeftRow[]> {
  const { rows } = await db.query<LeftRow>(
    `select message_key, uid, code = 'mail_too_large' and size <= $5 as fits from ruawatch.messages
      where state = 'quarantined' and code = any($4) and mailbox = $1 and folder = $2 and uid_validity = $3 and uid is not null`,
    [place.mailbox, place.folder, place.uidValidity, LEFT_CODES, mailBytes],
  );
  return rows;
}

/** Removes the rows of mails that stayed in the mailbox, once the mails themselves are stored. */
export async function forgetLeft(db: Queryable, keys: readonly number[]): Promise<void> {
  await db.query('delete from ruawatch.messages where message_key = any($1::bigint[]) and code = any($2)', [keys, LEFT_CODES]);
}

/** Mails of this folder that are stored but not yet moved, flagged or deleted, the oldest first. */
export async function undisposed(db: Queryable, place: Place, limit: number): Promise<{ message_key: number; uid: number }[]> {
  const { rows } = await db.query<{ message_key: number; uid: number }>(
    `select message_key, uid from ruawatch.messages
      where mailbox = $1 and folder = $2 and uid_validity = $3 and uid is not null and disposed_at is null
      order by uid limit $4`,
    [place.mailbox, place.folder, place.uidValidity, limit],
  );
  return rows;
}

/** Notes that mails were moved, flagged or deleted, or are kept where they are. */
export async function markDisposed(db: Queryable, keys: readonly number[]): Promise<void> {
  await db.query('update ruawatch.messages set disposed_at = now() where message_key = any($1::bigint[])', [keys]);
}

/**
 * Removes the UIDs of mails not yet moved, flagged or deleted that belong to another UIDVALIDITY or folder:
 * they identify nothing any more (RFC 3501 section 2.3.1.1). A mail that is still in the folder is fetched
 * again, and found to be stored.
 */
export async function forgetUids(db: Queryable, place: Place): Promise<void> {
  await db.query(
    `update ruawatch.messages set uid = null
      where mailbox = $1 and uid is not null and disposed_at is null and (folder, uid_validity) is distinct from ($2, $3::bigint)`,
    [place.mailbox, place.folder, place.uidValidity],
  );
}

/** A text of a mail's header, cut to 1,000 characters. */
const storable = (text: string | null): string | null => (text === null ? null : clipped(text, 1000));
