import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Mailbox } from '../shared/settings/mailbox.ts';
import type { MailboxState } from '../store/messages/mailboxes.ts';
import type { Connection } from './connect.ts';
import type { Lease } from './lease.ts';

/** What one session on one mailbox works with. */
export interface Session {
  context: Context;
  mailbox: Mailbox;
  connection: Connection;
  lease: Lease;
  /** What the database holds about the mailbox, kept up to date. */
  state: MailboxState;
  stopping: AbortSignal;
  log: Log;
  /** Enqueues parse jobs for new messages. Never throws and never blocks. */
  wake(keys: readonly number[]): void;
  /** Says that the round is moving. */
  turned(): void;
}
