import { messageOf, SettingsError } from '../shared/errors.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { bornAt } from '../store/alerts/digests.ts';
import { failOrphans, pendingMails } from '../store/alerts/outbox.ts';
import { composeMails } from './mail/compose.ts';
import { deliverNext, type Outcome } from './mail/deliver.ts';
import { openMailer } from './mail/smtp.ts';
import { composeWeekly, dueDigest } from './mail/weekly.ts';
import { composePosts, deliverNextPost } from './webhook/deliver.ts';

export { checkSmtp } from './mail/smtp.ts';
export { composeWeekly } from './mail/weekly.ts';
export { renderFinding } from './templates/finding.ts';
export { checkWebhook } from './webhook/post.ts';

/** A way out of the outbox: the mail server, or one webhook. */
interface Channel {
  /** As /readyz and the log name it. */
  name: string;
  webhook: string | null;
  deliver(now: Date): Promise<Outcome>;
  /** What it waits for; null when it takes what it is given. */
  trouble: string | null;
}

/**
 * The alerter: turns events of findings into mails and posts in the outbox, and sends these. A job in the
 * queue `alert` triggers it, and so does a sweeper, which also retries what was postponed. Any number may run
 * on one database.
 *
 * @throws SettingsError with neither SMTP_URL and ALERT_FROM nor a webhook; events wait in the database until
 *   there is a way out
 */
export function startAlerter(context: Context): Service {
  const { config, db, queues, metrics, clock } = context;
  const log = context.log.child({ service: 'alerter' });
  const mail = config.smtpUrl !== null && config.alertFrom !== null ? { url: config.smtpUrl, from: config.alertFrom } : null;
  if (mail === null && config.webhooks.length === 0) {
    throw new SettingsError('The alerter needs SMTP_URL and ALERT_FROM, or a webhook: set one, or leave the alerter out.');
  }
  // Without mail there are no recipients: events are marked as handled, and the webhooks post them.
  const settings = mail
    ? { from: mail.from, alertTo: config.alertTo, alerts: config.alerts }
    : { from: '', alertTo: [], alerts: { ...config.alerts, domains: {} } };
  const mailer = mail && openMailer(mail.url);
  const channels: Channel[] = config.webhooks.map((hook) => ({
    name: `webhook ${hook.name}`,
    webhook: hook.name,
    deliver: (now) => deliverNextPost({ db, hook, metrics, log }, now),
    trouble: null,
  }));
  if (mail && mailer) {
    const delivery = { db, mailer, from: mail.from, metrics, log };
    channels.push({ name: 'SMTP', webhook: null, deliver: (now) => deliverNext(delivery, now), trouble: null });
  }
  let stopping = false;
  let digested: number | null = null;
  let otherTrouble: string | null = null;

  /** Sends what one channel takes now. */
  const drain = async (channel: Channel): Promise<void> => {
    while (!stopping) {
      const outcome = await channel.deliver(clock.now());
      if (outcome.kind === 'sent') channel.trouble = null;
      if (outcome.kind === 'idle') {
        // Another alerter may have sent what this one could not.
        if (channel.trouble !== null && (await pendingMails(db, channel.webhook)) === 0) channel.trouble = null;
        return;
      }
      if (outcome.kind === 'down') {
        const waiting = await pendingMails(db, channel.webhook);
        const [one, many] = channel.webhook === null ? ['mail waits', 'mails wait'] : ['post waits', 'posts wait'];
        channel.trouble = `${channel.name}: ${outcome.error.message.replace(/\.$/, '')}; ${waiting} ${waiting === 1 ? one : many}`;
        log.warn(
          { err: outcome.error.message, waiting },
          `alerts are waiting for ${channel.webhook === null ? 'the mail server' : channel.name}`,
        );
        return;
      }
    }
  };

  /**
   * Once for each moment in this process; the database keeps other processes, and this one after a restart,
   * from repeating it.
   */
  const digest = async (now: Date): Promise<void> => {
    const moment = mail && dueDigest(config.alerts, now, await bornAt(db));
    if (!moment || digested === moment.getTime()) return;
    await composeWeekly({ db, log }, settings, moment, now);
    digested = moment.getTime();
  };

  const budget = { perHour: config.alerts.per_hour, perDomain: config.alerts.per_domain_hour };

  /** Makes the mails and posts that are due and sends what can be sent; no channel waits for another. */
  const work = async (): Promise<void> => {
    try {
      const now = clock.now();
      await composeMails(db, settings, now, log);
      await digest(now);
      await composePosts({ db, log }, config.webhooks, budget, now);
      const orphans = await failOrphans(
        db,
        config.webhooks.map((hook) => hook.name),
      );
      if (orphans > 0) log.warn({ posts: orphans }, 'gave up posts of a webhook that is no longer configured');
      const ends = await Promise.allSettled(channels.map(drain));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
      otherTrouble = null;
    } catch (error) {
      otherTrouble = messageOf(error);
      throw error;
    }
  };

  const turn = oneAtATime(work);
  const worker = queues.work('alert', async ({ findings }, jobLog) => {
    jobLog.debug({ findings }, 'triggered by findings');
    await turn();
  });
  const sweeper = repeat(config.sweep.every_seconds * 1000, turn, log, 'sending alerts');

  let stopped: Promise<void> | null = null;
  return {
    name: 'alerter',
    waitingFor: () => otherTrouble ?? channels.find((channel) => channel.trouble !== null)?.trouble ?? null,
    stop() {
      stopping = true;
      stopped ??= Promise.all([sweeper.stop(), worker.drain()]).then(() => mailer?.close());
      return stopped;
    },
  };
}

/** Runs `work` once at a time in this process; calls that come meanwhile share one more run after it. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (next !== null) return next;
    if (running === null) return run();
    next = running
      .catch(() => undefined)
      .then(() => {
        next = null;
        return run();
      });
    return next;
  };
}
