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
  /** What the database knows of the mailbox, kept up to date. */
  state: MailboxState;
  stopping: AbortSignal;
  log: Log;
  /** Tells the parser of new messages; never throws, never waits for long. */
  wake(keys: readonly number[]): void;
}
