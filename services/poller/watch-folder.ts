import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { type Connection, connect } from './connect.ts';
import { explain } from './explain.ts';
import { createTokens } from './oauth.ts';

const EVERY_MS = 1_000;

export interface NewMail {
  raw: Buffer;
  /** When the server took it. */
  at: Date;
}

/**
 * Passes on the mails that reach the mailbox's folder from now on, until the signal ends it, and changes
 * nothing in it.
 * @param mostBytes of a mail; a larger one is cut off one byte after that
 * @param onOpen called once the folder is open: mails from then on count
 * @throws RuawatchError with one sentence, see explain.ts
 */
export async function newMails(
  mailbox: Mailbox,
  {
    signal,
    mostBytes,
    onMail,
    onOpen = () => undefined,
  }: {
    signal: AbortSignal;
    mostBytes: number;
    onMail: (mail: NewMail) => void;
    onOpen?: () => void;
  },
  clock: Clock = systemClock,
): Promise<void> {
  const tokens = mailbox.oauth ? createTokens(mailbox.name, mailbox.oauth, clock) : null;
  let connection: Connection;
  try {
    connection = await connect(mailbox, tokens, signal);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  const { client, close } = connection;
  try {
    const box = await client.mailboxOpen(mailbox.folder, { readOnly: true });
    let next = box.uidNext;
    onOpen();
    while (!signal.aborted) {
      await client.noop();
      // "next:*" also names the last mail when none is new (RFC 9051 section 6.4.9).
      const query = { uid: true, internalDate: true, source: { maxLength: mostBytes + 1 } };
      for await (const { uid, source, internalDate } of client.fetch(`${next}:*`, query, { uid: true })) {
        if (uid < next || source === undefined) continue;
        next = uid + 1;
        onMail({ raw: source, at: new Date(internalDate ?? clock.now()) });
      }
      await wait(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  } catch (error) {
    if (!signal.aborted) throw explain(error, mailbox);
  } finally {
    await close();
  }
}
