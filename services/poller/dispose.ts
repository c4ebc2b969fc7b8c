import { PermanentError } from '../shared/errors.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import type { Connection } from './connect.ts';
import { uidSet } from './uids.ts';

/**
 * Moves, flags or deletes mails of the opened folder whose bytes are committed. Safe to repeat: the server
 * ignores UIDs that are gone (RFC 3501 section 6.4.8). Without the MOVE extension (RFC 6851) imapflow copies,
 * marks as deleted and expunges just these UIDs.
 * @throws PermanentError `dispose_refused` when the server refuses; the mails then stay in the folder
 */
export async function dispose(connection: Connection, mailbox: Mailbox, uids: readonly number[]): Promise<void> {
  if (mailbox.after === 'keep' || uids.length === 0) return;
  const { client, refusals } = connection;
  const set = uidSet(uids);
  refusals.take();
  const done =
    mailbox.after === 'move'
      ? await move(connection, mailbox, set)
      : mailbox.after === 'delete'
        ? await client.messageDelete(set, { uid: true })
        : await client.messageFlagsAdd(set, [mailbox.flag], { uid: true, silent: true });
  if (done) return;
  if (!client.usable) throw new Error(refusals.take() || 'the connection was closed');
  const words = refusals.take();
  const what = {
    move: `moved to the folder "${mailbox.moveTo}"`,
    delete: 'deleted',
    flag: `flagged with "${mailbox.flag}"`,
  }[mailbox.after];
  throw new PermanentError('dispose_refused', {
    about: `Mailbox "${mailbox.name}"`,
    says: `stored mails cannot be ${what}${words === '' ? '' : ` (the server says: ${words})`}; grant the user the right to do so, or choose another "after".`,
  });
}

/** Moves mails; creates the folder when the first try fails. */
async function move(connection: Connection, mailbox: Mailbox, set: string): Promise<boolean> {
  const { client } = connection;
  // Before the move, since the UIDs in the other folder are known of some servers only. What cannot be marked
  // is moved all the same.
  if (mailbox.markRead) await client.messageFlagsAdd(set, ['\\Seen'], { uid: true, silent: true });
  if (!client.usable) return false;
  if (await client.messageMove(set, mailbox.moveTo, { uid: true })) return true;
  if (!client.usable) return false;
  try {
    await client.mailboxCreate(mailbox.moveTo);
  } catch (error) {
    // The folder may exist, and the move have failed for another reason: the second try decides.
    if (!client.usable) throw error;
  }
  return Boolean(await client.messageMove(set, mailbox.moveTo, { uid: true }));
}
