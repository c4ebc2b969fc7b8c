import { backoff } from '../shared/clock.ts';
import { sentenceOf } from '../shared/errors.ts';
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
  /**
   * Absent, or null once it answered: the first alert may be weeks away, and a server that is not there is to
   * be known before.
   */
  probe?: Probe | null;
}

/** The first contact with a server, before there is anything to send. */
interface Probe {
  /** @throws an error with one sentence */
  ask(): Promise<void>;
  tries: number;
  /** Not again before. */
  next: Date | null;
  /** The error that was last logged. */
  said: string | null;
}

/** A login that is refused too often may lock the account. */
const PROBE_BASE_MS = 5_000;
const PROBE_CAP_MS = 5 * 60_000;

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
    const probe = { ask: () => mail.mailer.reach(), tries: 0, next: null, said: null };
    channels.push({
      name: 'SMTP',
      webhook: null,
      deliver: (now) => deliverNext(delivery, now),
      trouble: null,
      said: null,
      probe,
    });
  }
  return channels;
}

/** Sends what one channel takes now, until nothing is due, the channel is down, or `stopping` is aborted. */
export async function drain(channel: Channel, { db, log, clock, turned }: Means, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const outcome = await channel.deliver(clock.now());
    turned?.();
    if (outcome.kind === 'sent') channel.trouble = channel.said = channel.probe = null;
    if (outcome.kind === 'idle') {
      if (channel.probe && (await pendingMails(db, channel.webhook)) === 0) {
        await firstContact(channel, channel.probe, { log, now: clock.now() });
        return;
      }
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

async function firstContact(channel: Channel, probe: Probe, { log, now }: Pick<Means, 'log'> & { now: Date }): Promise<void> {
  if (probe.next !== null && now < probe.next) return;
  try {
    await probe.ask();
    channel.trouble = channel.said = channel.probe = null;
  } catch (error) {
    const sentence = sentenceOf(error);
    if (probe.said !== sentence) log.warn({ err: sentence }, 'no alert can be mailed at present; the mail server is retried');
    probe.said = sentence;
    channel.trouble = troubleOf(channel, sentence, 0);
    probe.next = new Date(now.getTime() + backoff(probe.tries++, PROBE_BASE_MS, PROBE_CAP_MS));
  }
}

/** "SMTP: connection refused; 2 mails wait" */
function troubleOf({ name, webhook }: Channel, error: string, waiting: number): string {
  const [one, many] = webhook === null ? ['mail waits', 'mails wait'] : ['post waits', 'posts wait'];
  return `${name}: ${error.replace(/\.$/, '')}; ${waiting} ${waiting === 1 ? one : many}`;
}
