import { messageOf, TransientError } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import { type MailboxState, releaseLease, renewLease, takeLease } from '../store/messages/mailboxes.ts';

/** The right to work a mailbox, for as long as it is renewed in time. */
export interface Lease {
  readonly owner: string;
  readonly state: MailboxState;
  /** Aborts when the lease is lost: from then on the mailbox must not be touched. */
  readonly signal: AbortSignal;
  /**
   * Must be called before anything is changed in the mailbox.
   * @throws TransientError `lease_lost`
   */
  check(): void;
  release(): Promise<void>;
}

/**
 * Takes the lease on a mailbox and keeps renewing it. Here its time runs from the moment the last renewal was
 * *requested*, on a monotonic clock, so on this side the lease always ends before it ends in the database.
 * @param leaseMs how long the lease lasts without being renewed, in milliseconds
 * @returns null when another poller holds it
 */
export async function holdLease(
  db: Db,
  mailbox: Mailbox,
  { owner, leaseMs, log }: { owner: string; leaseMs: number; log: Log },
): Promise<Lease | null> {
  let goodUntil = performance.now() + leaseMs;
  const state = await takeLease(db, { mailbox: mailbox.name, owner, leaseMs }, mailbox);
  if (state === null) return null;

  const lost = new AbortController();
  let renewing: Promise<void> | null = null;
  const lose = (why: string) => {
    if (lost.signal.aborted) return;
    log.warn({ why }, 'the lease on the mailbox is lost; another poller may hold it');
    lost.abort();
  };
  const renew = async () => {
    const until = performance.now() + leaseMs;
    try {
      if (await renewLease(db, { mailbox: mailbox.name, owner, leaseMs })) goodUntil = until;
      else lose('another poller took it');
    } catch (error) {
      log.warn({ err: messageOf(error) }, 'the lease on the mailbox could not be renewed yet');
    }
  };
  const everyMs = leaseMs / 4;
  const timer = setInterval(() => {
    if (performance.now() >= goodUntil) lose('it could not be renewed in time');
    if (lost.signal.aborted) return clearInterval(timer);
    renewing ??= renew().finally(() => {
      renewing = null;
    });
  }, everyMs);

  return {
    owner,
    state,
    signal: lost.signal,
    check() {
      if (performance.now() >= goodUntil) lose('it could not be renewed in time');
      if (lost.signal.aborted)
        throw new TransientError('lease_lost', {
          about: `Mailbox "${mailbox.name}"`,
          says: `the lease is lost; this poller stops working it.`,
        });
    },
    async release() {
      clearInterval(timer);
      await renewing;
      await releaseLease(db, mailbox.name, owner);
    },
  };
}
