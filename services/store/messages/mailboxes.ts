import { TransientError } from '../../shared/errors.ts';
import type { Db, Queryable } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';

/** What a poller must know of a mailbox before it reads it. */
export interface MailboxState {
  folder: string;
  /** Null before the first round. */
  uidValidity: number | null;
  lastUid: number;
}

/**
 * Takes or renews the lease on a mailbox: one poller works it at a time (RFC 3501 gives no way to tell two clients apart). The time
 * is the database's, so the clocks of the pollers' machines do not matter.
 * @param owner names this poller and nobody else
 * @param addresses whose mail comes there: the enricher, which knows no mailbox, holds rua= against them
 * @returns null when another poller holds it
 */
export async function takeLease(
  db: Db,
  mailbox: string,
  folder: string,
  owner: string,
  leaseMs: number,
  addresses: readonly string[] = [],
): Promise<MailboxState | null> {
  await db.query('insert into ruawatch.mailboxes (mailbox, folder) values ($1, $2) on conflict (mailbox) do nothing', [
    mailbox,
    folder,
  ]);
  const { rows } = await db.query<{ folder: string; uid_validity: number | null; last_uid: number }>(
    `update ruawatch.mailboxes
        set lease_owner = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond', addresses = $4
      where mailbox = $1 and (lease_owner is null or lease_owner = $2 or lease_until is null or lease_until < clock_timestamp())
      returning folder, uid_validity, last_uid`,
    [mailbox, owner, leaseMs, addresses],
  );
  const row = rows[0];
  return row ? { folder: row.folder, uidValidity: row.uid_validity, lastUid: row.last_uid } : null;
}

/** Extends a lease that is still this owner's. @returns false when it is not */
export async function renewLease(db: Db, mailbox: string, owner: string, leaseMs: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ruawatch.mailboxes set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
      where mailbox = $1 and lease_owner = $2 and lease_until >= clock_timestamp()`,
    [mailbox, owner, leaseMs],
  );
  return rowCount === 1;
}

/** Gives the lease back, so that the next poller need not wait for it to run out. */
export async function releaseLease(db: Db, mailbox: string, owner: string): Promise<void> {
  await db.query('update ruawatch.mailboxes set lease_owner = null, lease_until = null where mailbox = $1 and lease_owner = $2', [
    mailbox,
    owner,
  ]);
}

/** What a batch changes on its mailbox; what is left out stays. */
export interface Progress {
  folder?: string;
  uidValidity?: number;
  /** Raises last_uid to this; with a new uidValidity, sets it. */
  lastUid?: number;
  backlog?: number;
  /** The round is over. */
  polled?: boolean;
}

/**
 * Writes progress, provided the lease is still held: the fence of every transaction that stores mail. Run as the last statement of the
 * transaction, it makes all of it fail when another poller has taken over meanwhile.
 * @throws TransientError `lease_lost`
 */
export async function writeProgress(db: Queryable, mailbox: string, owner: string, progress: Progress): Promise<void> {
  const { rowCount } = await db.query(
    `update ruawatch.mailboxes
        set folder = coalesce($3, folder),
            uid_validity = coalesce($4::bigint, uid_validity),
            last_uid = case when $4::bigint is null then greatest(last_uid, coalesce($5::bigint, last_uid))
                            else coalesce($5::bigint, last_uid) end,
            backlog = coalesce($6::integer, backlog),
            polled_at = case when $7 then now() else polled_at end,
            last_error = case when $7 then null else last_error end
      where mailbox = $1 and lease_owner = $2 and lease_until >= clock_timestamp()`,
    [
      mailbox,
      owner,
      progress.folder ?? null,
      progress.uidValidity ?? null,
      progress.lastUid ?? null,
      progress.backlog ?? null,
      progress.polled ?? false,
    ],
  );
  if (rowCount !== 1)
    throw new TransientError('lease_lost', `Mailbox "${mailbox}" was taken over by another poller; this one lets go of it.`);
}

/** Notes why the mailbox cannot be worked; the next finished round clears it. */
export async function noteMailboxError(db: Db, mailbox: string, folder: string, sentence: string): Promise<void> {
  await db.query(
    `insert into ruawatch.mailboxes (mailbox, folder, last_error) values ($1, $2, $3)
     on conflict (mailbox) do update set last_error = excluded.last_error`,
    [mailbox, folder, clipped(sentence, 1000)],
  );
}
