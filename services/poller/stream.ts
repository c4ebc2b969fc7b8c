import { createHash } from 'node:crypto';
import { transaction } from '../shared/runtime/db.ts';
import { type Arrival, type Place, reserveKey, storeChunk, storeStreamed, updatePlaces } from '../store/messages/intake.ts';
import { writeProgress } from '../store/messages/mailboxes.ts';
import { CHUNK_BYTES } from '../store/messages/raw-chunks.ts';
import { fetchParts, HEAD_BYTES, MailGone } from './imap-commands.ts';
import type { Session } from './session-context.ts';

export type Streamed =
  | { kind: 'stored'; key: number }
  | { kind: 'known'; keys: number[] }
  | { kind: 'too_large'; size: number }
  | { kind: 'gone' };

/** Thrown to roll back the chunks; never leaves this file. */
class Rollback extends Error {
  readonly outcome: { kind: 'known'; sha256: Buffer } | { kind: 'too_large'; size: number } | { kind: 'gone' };

  constructor(outcome: Rollback['outcome']) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/**
 * Copies one large mail from the server to the database a part at a time, in one transaction: memory holds
 * about a mebibyte of it.
 * @param mailBytes a mail with more bytes than this is `too_large`, whatever size the server announced
 * @param describe reads the envelope from the first bytes
 */
export async function streamMail(
  session: Session,
  place: Place,
  uid: number,
  { mailBytes, describe }: { mailBytes: number; describe: (head: Buffer) => Omit<Arrival, 'sha256'> },
): Promise<Streamed> {
  const { context, connection, lease, mailbox } = session;
  lease.check();
  try {
    return await transaction(context.db, async (tx) => {
      const key = await reserveKey(tx);
      const hash = createHash('sha256');
      let head: Buffer = Buffer.alloc(0);
      let left: Buffer = Buffer.alloc(0);
      let size = 0;
      let n = 0;
      for await (const part of fetchParts(connection.client, uid)) {
        session.turned();
        size += part.length;
        if (size > mailBytes) throw new Rollback({ kind: 'too_large', size });
        hash.update(part);
        head = Buffer.concat([head, part.subarray(0, HEAD_BYTES - head.length)]);
        const bytes = Buffer.concat([left, part]);
        const full = bytes.length - (bytes.length % CHUNK_BYTES);
        for (let at = 0; at < full; at += CHUNK_BYTES) await storeChunk(tx, key, n++, bytes.subarray(at, at + CHUNK_BYTES));
        left = bytes.subarray(full);
      }
      if (size === 0) throw new Rollback({ kind: 'gone' });
      if (left.length > 0) await storeChunk(tx, key, n, left);
      const sha256 = hash.digest();
      if (!(await storeStreamed(tx, place, key, { ...describe(head), size, sha256 })))
        throw new Rollback({ kind: 'known', sha256 });
      // Fails when the lease is lost. last_uid and backlog are written after the transaction, by its outcome.
      await writeProgress(tx, mailbox.name, lease.owner, {});
      return { kind: 'stored', key };
    });
  } catch (error) {
    if (error instanceof MailGone) return { kind: 'gone' };
    if (!(error instanceof Rollback)) throw error;
    const { outcome } = error;
    if (outcome.kind !== 'known') return outcome;
    return {
      kind: 'known',
      keys: (await updatePlaces(context.db, place, [{ uid, sha256: outcome.sha256 }])).map((m) => m.message_key),
    };
  }
}
