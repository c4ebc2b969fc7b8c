import type { ImapFlow } from 'imapflow';
import { sleep } from '../shared/clock.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';

const IDLE_PAUSE_MS = 100;

/**
 * Waits until the server announces new mail (RFC 2177) or the folder is due to be polled. IDLE is optional,
 * and some servers and many firewalls break it silently, so the folder is polled every `pollSeconds` in any
 * case.
 * @param quietMs a connection that was silent for this long is tested, in milliseconds
 */
export async function waitForMail(
  client: ImapFlow,
  mailbox: Pick<Mailbox, 'idle' | 'pollSeconds'>,
  quietMs: number,
  stopping: AbortSignal,
): Promise<void> {
  const wake = new AbortController();
  const onExists = ({ count, prevCount }: { count: number; prevCount: number }) => {
    if (count > prevCount) wake.abort();
  };
  const onClose = () => wake.abort();
  client.on('exists', onExists);
  client.on('close', onClose);
  const over = AbortSignal.any([stopping, wake.signal]);
  const until = performance.now() + mailbox.pollSeconds * 1000;
  try {
    if (mailbox.idle && client.capabilities.has('IDLE')) void idle(client, over);
    let due = false;
    while (!over.aborted && client.usable && !due) {
      const left = until - performance.now();
      // A timer may fire a fraction of a millisecond early: the clock is not asked whether the time is over.
      due = left <= quietMs;
      await sleep(Math.min(quietMs, left), over);
      // NOOP ends the IDLE, tests the connection, and lets a server without IDLE announce new mail.
      if (!stopping.aborted && client.usable) await client.noop();
    }
  } finally {
    wake.abort();
    client.off('exists', onExists);
    client.off('close', onClose);
  }
}

/**
 * Keeps an IDLE running until `over`: any other command on the connection ends one IDLE, and the next one
 * follows.
 */
async function idle(client: ImapFlow, over: AbortSignal): Promise<void> {
  try {
    while (!over.aborted && client.usable && (await client.idle()) !== false) {
      // IDLE returns at once on a connection that is just ending.
      await sleep(IDLE_PAUSE_MS, over);
    }
  } catch (error) {
    // The next command fails in the same way, and its caller deals with that.
    client.log.debug({ err: error });
  }
}
