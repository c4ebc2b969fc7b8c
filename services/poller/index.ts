import { type Context, firstStuck, type Service } from '../shared/runtime/service.ts';
import { MailboxWorker, type PollerOptions } from './worker.ts';

export { checkMailbox } from './check-mailbox.ts';
export { newMails } from './watch-folder.ts';

/**
 * Starts the poller: one worker for each mailbox of the settings, with a connection and a lease of its own.
 */
export function startPoller(context: Context, options: PollerOptions = {}): Service {
  const workers = context.config.mailboxes.map((mailbox) => new MailboxWorker(context, mailbox, options));
  return {
    name: 'poller',
    waitingFor() {
      if (workers.length === 0) return 'no mailbox is configured: set IMAP_URL, or mailboxes in ruawatch.yaml';
      const sentences = workers.map((worker) => worker.waitingFor()).filter((sentence) => sentence !== null);
      return sentences.length === 0 ? null : sentences.join(' ');
    },
    stuck: () => firstStuck(workers),
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}
