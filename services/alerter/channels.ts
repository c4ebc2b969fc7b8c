import type { Context } from '../shared/runtime/service.ts';
import { pendingMails } from '../store/alerts/outbox.ts';
import { deliverNext, type Outcome } from './mail/deliver.ts';
import type { Mailer } from './mail/smtp.ts';
import { deliverNextPost } from './webhook/deliver.ts';

/** A way out of the outbox: the mail server, or one webhook. */
export interface Channel {
  /** As /readyz and the log name it. */
  name: string;
  webhook: string | null;
  deliver(now: Date): Promise<Outcome>;
  /** What it waits for; null when it takes what it is given. */
  trouble: string | null;
  /** The error that was last logged. */
  said: string | null;
}

/** What a channel works with. */
type Means = Pick<Context, 'db' | 'metrics' | 'log' | 'clock'> & {
  /** Called after each try. */
  turned?: () => void;
};

/**
 * The channels of the settings: each webhook, and then the mail server.
 * @param mail the mail server and the sender's address; null without mail
 */
export function channelsOf(
  { db, metrics, log }: Means,
  webhooks: Context['config']['webhooks'],
  mail: { mailer: Mailer; from: string } | null,
): Channel[] {
  const channels: Channel[] = webhooks.map((hook) => ({
    name: `webhook ${hook.name}`,
    webhook: hook.name,
    deliver: (now) => deliverNextPost({ db, hook, metrics, log }, now),
    trouble: null,
    said: null,
  }));
  if (mail !== null) {
    const delivery = { db, ...mail, metrics, log };
    channels.push({ name: 'SMTP', webhook: null, deliver: (now) => deliverNext(delivery, now), trouble: null, said: null });
  }
  return channels;
}

/** Sends what one channel takes now, until nothing is due, the channel is down, or `stopping` is aborted. */
export async function drain(channel: Channel, { db, log, clock, turned }: Means, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const outcome = await channel.deliver(clock.now());
    turned?.();
    if (outcome.kind === 'sent') channel.trouble = channel.said = null;
    if (outcome.kind === 'idle') {
      // Another alerter may have sent what this one could not.
      if (channel.trouble !== null && (await pendingMails(db, channel.webhook)) === 0) channel.trouble = null;
      return;
    }
    if (outcome.kind === 'down') {
      const waiting = await pendingMails(db, channel.webhook);
      // Once, until it is another one.
      const level = channel.said === outcome.error.message ? 'debug' : 'warn';
      channel.said = outcome.error.message;
      channel.trouble = troubleOf(channel, outcome.error.message, waiting);
      log[level](
        { err: outcome.error.message, waiting },
        `alerts are waiting for ${channel.webhook === null ? 'the mail server' : channel.name}`,
      );
      return;
    }
  }
}

/** "SMTP: connection refused; 2 mails wait" */
function troubleOf({ name, webhook }: Channel, error: string, waiting: number): string {
  const [one, many] = webhook === null ? ['mail waits', 'mails wait'] : ['post waits', 'posts wait'];
  return `${name}: ${error.replace(/\.$/, '')}; ${waiting} ${waiting === 1 ? one : many}`;
}
