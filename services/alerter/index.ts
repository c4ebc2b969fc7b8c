import { messageOf, SettingsError } from '../shared/errors.ts';
import { type Context, repeat, type Service } from '../shared/service.ts';
import { pendingMails } from '../store/outbox.ts';
import { composeMails } from './compose.ts';
import { deliverNext } from './deliver.ts';
import { openMailer } from './smtp.ts';

export { checkSmtp } from './smtp.ts';
export { renderFinding } from './templates/finding.ts';

/**
 * The alerter: events of findings become mails of the outbox, mails of the outbox are sent. A job of queue `alert` wakes it, and so
 * does a sweeper, which also comes back to what was put off. Any number may run on one database.
 *
 * @throws SettingsError without SMTP_URL or ALERT_FROM; events wait in the database until there is a mail server
 */
export function startAlerter(context: Context): Service {
  const { config, db, queues, metrics, clock } = context;
  const log = context.log.child({ service: 'alerter' });
  if (config.smtpUrl === null || config.alertFrom === null) {
    throw new SettingsError('The alerter needs SMTP_URL and ALERT_FROM: set both, or leave the alerter out.');
  }
  const settings = { from: config.alertFrom, alertTo: config.alertTo, alerts: config.alerts };
  const delivery = { db, mailer: openMailer(config.smtpUrl), from: config.alertFrom, metrics, log };
  let stopping = false;
  let smtpTrouble: string | null = null;
  let otherTrouble: string | null = null;

  /** Makes the mails that are due and sends what can be sent. */
  const work = async (): Promise<void> => {
    try {
      await composeMails(db, settings, clock.now(), log);
      while (!stopping) {
        const outcome = await deliverNext(delivery, clock.now());
        if (outcome.kind === 'sent') smtpTrouble = null;
        if (outcome.kind === 'idle') {
          // Another alerter may have sent what this one could not.
          if (smtpTrouble !== null && (await pendingMails(db)) === 0) smtpTrouble = null;
          break;
        }
        if (outcome.kind === 'down') {
          const waiting = await pendingMails(db);
          smtpTrouble = `SMTP: ${outcome.error.message.replace(/\.$/, '')}; ${waiting} ${waiting === 1 ? 'mail waits' : 'mails wait'}`;
          log.warn({ err: outcome.error.message, waiting }, 'alerts wait for the mail server');
          break;
        }
      }
      otherTrouble = null;
    } catch (error) {
      otherTrouble = messageOf(error);
      throw error;
    }
  };

  const turn = oneAtATime(work);
  const worker = queues.work('alert', async ({ findings }, jobLog) => {
    jobLog.debug({ findings }, 'woken for findings');
    await turn();
  });
  const sweeper = repeat(config.sweep.every_seconds * 1000, turn, log, 'sending alerts');

  let stopped: Promise<void> | null = null;
  return {
    name: 'alerter',
    waitingFor: () => otherTrouble ?? smtpTrouble,
    stop() {
      stopping = true;
      stopped ??= Promise.all([sweeper.stop(), worker.drain()]).then(() => delivery.mailer.close());
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
