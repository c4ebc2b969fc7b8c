import { messageOf, SettingsError } from '../shared/errors.ts';
import { type Context, Heartbeat, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { readHoldKey } from '../shared/settings/held-mail.ts';
import { bornAt, endRetries, refusedDigest } from '../store/alerts/digests.ts';
import { failOrphans } from '../store/alerts/outbox.ts';
import { type Refused, refusedAlerts, retryRefused } from '../store/alerts/refusals.ts';
import { channelsOf, drain } from './channels.ts';
import { composeHeldDigests } from './held/compose.ts';
import { composeMails } from './mail/compose.ts';
import { refusedSentence } from './mail/refused-sentence.ts';
import { composeSignIns } from './mail/sign-ins.ts';
import { openMailer } from './mail/smtp.ts';
import { composeWeekly, dueDigest } from './mail/weekly.ts';
import { composeRequestMails } from './requests/compose.ts';
import { composeRequestPosts } from './requests/posts.ts';
import { composePosts } from './webhook/deliver.ts';

export { renderFinding } from '../mails/render-finding.ts';
export { refusedSentence } from './mail/refused-sentence.ts';
export { checkSmtp, checkSmtpUrl } from './mail/smtp.ts';
export { composeWeekly } from './mail/weekly.ts';
export { sendTestAlerts, type Tried } from './test-alerts.ts';
export { checkWebhook } from './webhook/post.ts';

const LONGEST_MAIL_MS = 15 * 60_000;

/**
 * The alerter: turns events of findings into mails and posts in the outbox, and sends these. A job in the
 * queue `alert` triggers it, and so does a sweeper, which also retries what was postponed. Any number may run
 * on one database.
 *
 * @throws SettingsError with neither SMTP_URL and ALERT_FROM nor a webhook; events wait in the database until
 *   there is a way out
 */
export function startAlerter(context: Context): Service {
  const { config, db, queues, clock, metrics } = context;
  const log = context.log.child({ service: 'alerter' });
  // One mail may take ten minutes (mail/smtp.ts).
  const heartbeat = new Heartbeat('sending alerts', sweepMs(config), LONGEST_MAIL_MS);
  const means = { ...context, log, turned: () => heartbeat.turned() };
  const mail = mailOf(config);
  const mailer = mail && openMailer(mail.url);
  const channels = channelsOf(means, config.webhooks, mail && mailer && { mailer, from: mail.from });
  const compose = composer(means, mail);
  const stopping = new AbortController();
  let otherTrouble: string | null = null;
  let refused: Refused = { findings: 0, digests: 0, requests: 0, recipients: [], why: null, next: null };
  let begun = false;

  /** Makes the mails and posts that are due and sends what can be sent; no channel waits for another. */
  const work = async (): Promise<void> => {
    try {
      heartbeat.turned();
      // Whoever started the alerter may have changed what was refused.
      if (!begun) await retryRefused(db, clock.now());
      begun = true;
      await compose(clock.now());
      const hooks = config.webhooks.map((hook) => hook.name);
      const orphans = await failOrphans(db, hooks);
      if (orphans > 0) log.warn({ posts: orphans }, 'dropped requests to a webhook that is no longer configured');
      const ends = await Promise.allSettled(channels.map((channel) => drain(channel, means, stopping.signal)));
      refused = await refusedAlerts(db);
      metrics.alertsRefused.set(refused.findings + refused.digests + refused.requests);
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
  const sweeper = repeat(sweepMs(config), turn, log, 'sending alerts');

  let stopped: Promise<void> | null = null;
  return {
    name: 'alerter',
    waitingFor: () =>
      otherTrouble ?? channels.find((channel) => channel.trouble !== null)?.trouble ?? (mail && refusedSentence(refused)),
    stuck: () => heartbeat.stuck(),
    stop() {
      stopping.abort();
      stopped ??= Promise.all([sweeper.stop(), worker.drain()]).then(() => mailer?.close());
      return stopped;
    },
  };
}

/** The mail server and the sender's address; null without mail. */
type Mail = { url: string; from: string } | null;

function mailOf({ smtpUrl, alertFrom, webhooks }: Context['config']): Mail {
  if (smtpUrl !== null && alertFrom !== null) return { url: smtpUrl, from: alertFrom };
  if (webhooks.length > 0) return null;
  throw new SettingsError('The alerter needs SMTP_URL and ALERT_FROM, or a webhook: set one, or leave the alerter out.');
}

/** Puts into the outbox what is due: the mails on events, the digest of a week, the posts. */
function composer({ config, db, log }: Pick<Context, 'config' | 'db' | 'log'>, mail: Mail): (now: Date) => Promise<void> {
  // Without mail there are no recipients: events are marked as handled, and the webhooks post them.
  const settings = mail
    ? { from: mail.from, alertTo: config.alertTo, console: config.consoleUrl, alerts: config.alerts }
    : { from: '', alertTo: [], console: config.consoleUrl, alerts: { ...config.alerts, domains: {} } };
  const budget = { perHour: config.alerts.per_hour, perDomain: config.alerts.per_domain_hour };
  const limits = { budget, firstStart: config.alerts.first_start_mails };
  let digested: number | null = null;

  /**
   * Once for each moment in this process, and again for recipients who were refused; the database keeps other
   * processes, and this one after a restart, from repeating it for the others.
   */
  const digest = async (now: Date): Promise<void> => {
    if (!mail || config.alerts.digest === 'off') return endRetries(db, { before: now });
    const moment = dueDigest(config.alerts, now, await bornAt(db));
    if (moment && digested !== moment.getTime()) {
      await composeWeekly({ db, log }, settings, moment, now);
      digested = moment.getTime();
    }
    const again = await refusedDigest(db, now);
    if (again) await composeWeekly({ db, log }, settings, again, now);
  };

  /** No alert waits for what is held: a key file that cannot be read is logged. */
  const tellRecipients = async (now: Date): Promise<void> => {
    const { digest_hours: hours } = config.milter.hold;
    try {
      const key = readHoldKey(config.milter.hold);
      await composeHeldDigests(db, { from: mail?.from ?? null, console: config.consoleUrl, key, hours }, now);
    } catch (error) {
      log.error({ err: messageOf(error) }, 'recipients could not be notified of what is held for them');
    }
  };

  return async (now) => {
    await composeMails(db, settings, now, log);
    await composeRequestMails(
      { db, log },
      { from: mail?.from ?? null, console: config.consoleUrl, perHour: config.alerts.per_hour },
      now,
    );
    await tellRecipients(now);
    await composeSignIns(db, { from: mail?.from ?? null, console: config.consoleUrl }, now);
    await digest(now);
    await composeRequestPosts({ db, log, console: config.consoleUrl }, config.webhooks, config.alerts.per_hour, now);
    await composePosts({ db, log, console: config.consoleUrl }, config.webhooks, limits, now);
  };
}

/** Runs `work` once at a time in this process: a turn that a job asks for comes after the one under way. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.catch(() => undefined).then(work);
    return last;
  };
}
