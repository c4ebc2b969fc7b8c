import type { Log } from '../shared/log.ts';
import type { Mailbox } from '../shared/mailbox.ts';
import type { Context } from '../shared/service.ts';
import type { MailboxState } from '../store/mailboxes.ts';
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
