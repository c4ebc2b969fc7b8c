import { TransientError } from '../../shared/errors.ts';
import type { Db, Queryable } from '../../shared/runtime/db.ts';
import { clipped } from '../sql-text.ts';

/** What a poller must know about a mailbox before it reads it. */
export interface MailboxState {
  folder: string;
  /** Null before the first round. */
  uidValidity: number | null;
  lastUid: number;
  /** When a round last came to its end, by whichever poller; null: never. */
  polledAt: Date | null;
}

/** Who holds a mailbox. */
export interface Lease {
  mailbox: string;
  /** Identifies one poller. */
  owner: string;
  /** How long it holds from now on, in milliseconds. */
  leaseMs: number;
}

/**
 * Takes or renews the lease on a mailbox, so that one poller reads it at a time: IMAP has no lock (RFC 3501).
 * The time is the database's, so the clocks of the pollers' machines do not matter.
 * @param options.addresses the addresses that the mailbox receives mail for: the enricher, which knows no
 * mailbox, compares rua= with them
 * @returns null when another poller holds it
 */
export async function takeLease(
  db: Db,
  { mailbox, owner, leaseMs }: Lease,
  { folder, addresses = [] }: { folder: string; addresses?: readonly string[] },
): Promise<MailboxState | null> {
  await db.query('insert into ruawatch.mailboxes (mailbox, folder) values ($1, $2) on conflict (mailbox) do nothing', [
    mailbox,
    folder,
  ]);
  const { rows } = await db.query<{ folder: string; uid_validity: number | null; last_uid: number; polled_at: Date | null }>(
    `update ruawatch.mailboxes
        set lease_owner = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond', addresses = $4
      where mailbox = $1 and (lease_owner is null or lease_owner = $2 or lease_until is null or lease_until < clock_timestamp())
      returning folder, uid_validity, last_uid, polled_at`,
    [mailbox, owner, leaseMs, addresses],
  );
  const row = rows[0];
  return row ? { folder: row.folder, uidValidity: row.uid_validity, lastUid: row.last_uid, polledAt: row.polled_at } : null;
}

/** Extends a lease that this owner still holds. @returns false when it does not */
export async function renewLease(db: Db, { mailbox, owner, leaseMs }: Lease): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ruawatch.mailboxes set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
      where mailbox = $1 and lease_owner = $2 and lease_until >= clock_timestamp()`,
    [mailbox, owner, leaseMs],
  );
  return rowCount === 1;
}

/** Ends the lease, so that the next poller need not wait until it expires. */
export async function releaseLease(db: Db, mailbox: string, owner: string): Promise<void> {
  await db.query('update ruawatch.mailboxes set lease_owner = null, lease_until = null where mailbox = $1 and lease_owner = $2', [
    mailbox,
    owner,
  ]);
}

/** What a batch changes on its mailbox; absent fields stay as they are. */
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
 * Writes progress, provided that the lease is still held. As the last statement of each transaction that
 * stores mail, it makes the transaction fail when another poller has taken over.
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
    throw new TransientError('lease_lost', `Mailbox "${mailbox}" was taken over by another poller; this one stops reading it.`);
}

/** Notes why the mailbox cannot be read; the next complete round clears it. */
export async function noteMailboxError(db: Db, mailbox: string, folder: string, sentence: string): Promise<void> {
  await db.query(
    `insert into ruawatch.mailboxes (mailbox, folder, last_error) values ($1, $2, $3)
     on conflict (mailbox) do update set last_error = excluded.last_error`,
    [mailbox, folder, clipped(sentence, 1000)],
  );
}
