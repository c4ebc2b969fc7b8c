import { createHash } from 'node:crypto';
import { backoff } from '../../shared/clock.ts';
import { messageOf, PermanentError, RuawatchError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Metrics } from '../../shared/runtime/metrics.ts';
import type { Webhook } from '../../shared/settings/webhook.ts';
import { byGravity } from '../../shared/severity.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import { type Budget, share } from '../mail/cap.ts';
import type { Outcome } from '../mail/deliver.ts';
import { clean } from '../templates/plain-text.ts';
import { FORMATS } from './formats/index.ts';
import { post, WebhookDown } from './post.ts';

const HOUR_MS = 3_600_000;
const BASE_MS = 5_000;
const CAP_MS = 30 * 60_000;
/** An older alert is no news; the finding itself stays in the database. */
const GIVE_UP_MS = 5 * 24 * HOUR_MS;

/**
 * Turns events into posts of the outbox, for every webhook that is set. Posts and marks are one transaction.
 * JSON has every event; texts have a budget like mails: the events of a turn that are beyond it are gathered
 * in one.
 * @returns how many posts were made
 */
export async function composePosts(
  { db, log, console = null }: { db: Db; log: Log; console?: string | null },
  webhooks: readonly Webhook[],
  budget: Budget,
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    const waiting = await outbox.unpostedEvents(tx);
    if (waiting.length === 0) return 0;
    const told = waiting.filter((event) => event.notify && !event.silent).map((event) => event.event_key);
    let made = 0;
    if (webhooks.length > 0 && told.length > 0) {
      const events = (await outbox.findingEvents(tx, told)).sort(byGravity);
      const installation = await outbox.installation(tx);
      for (const hook of webhooks) {
        for (const one of await postsFor({ tx, hook, budget, now, console }, events)) {
          const message_id = `${one.name}.${installation}.${hook.name}`;
          const { kind, finding_key, subject, body, urgent } = one;
          const key = await outbox.insertMail(tx, {
            message_id,
            kind,
            finding_key,
            recipients: [hook.name],
            subject,
            raw: body,
            urgent,
            created_at: now,
            webhook: hook.name,
          });
          if (key !== null) made++;
        }
      }
      log.info({ events: told.length, posts: made }, 'queued posts in the outbox');
    }
    await outbox.markPosted(
      tx,
      waiting.map((event) => event.event_key),
      now,
    );
    return made;
  });
}

interface NewPost {
  name: string;
  kind: 'event' | 'events';
  finding_key: number | null;
  subject: string;
  body: Buffer;
  urgent: boolean;
}

async function postsFor(
  { tx, hook, budget, now, console }: { tx: Tx; hook: Webhook; budget: Budget; now: Date; console: string | null },
  events: outbox.FindingEvent[],
): Promise<NewPost[]> {
  const format = FORMATS[hook.format];
  const single = (event: outbox.FindingEvent): NewPost => ({
    name: `finding-${event.finding_key}-${event.revision}-${event.event}`,
    kind: 'event',
    finding_key: event.finding_key,
    subject: clean(event.summary),
    body: format.one(event, console),
    urgent: isUrgent(event),
  });
  if (format.many === null) return events.map(single);
  const made = await outbox.newestMails(tx, [hook.name], 2 * budget.perHour, hook.name);
  const due = events.map((event) => ({ event, domain: event.domain, at: now, urgent: isUrgent(event) }));
  const shared = share(due, made, budget, now);
  // The text that gathers the rest takes the place of one; what is urgent keeps its own.
  const alone = shared.rest.length > 0 ? withoutOne(shared.singles) : shared.singles;
  const rest = events.filter((event) => !alone.some((one) => one.event === event));
  if (rest.length <= 1) return events.map(single);
  const keys = rest.map((event) => `${event.finding_key}-${event.revision}-${event.event}`).sort();
  const name = `events-${createHash('sha256').update(keys.join('\n')).digest('hex').slice(0, 16)}`;
  const gathered: NewPost = {
    name,
    kind: 'events',
    finding_key: null,
    subject: `${rest.length} findings`,
    body: format.many(rest),
    urgent: rest.some(isUrgent),
  };
  return [...alone.map((one) => single(one.event)), gathered];
}

/** Without the last that is not urgent. */
function withoutOne<T extends { urgent: boolean }>(items: T[]): T[] {
  const last = items.findLastIndex((item) => !item.urgent);
  return items.filter((_, i) => i !== last);
}

function isUrgent(event: outbox.FindingEvent): boolean {
  return event.severity === 'critical' && event.event !== 'resolved';
}

export interface PostDelivery {
  db: Db;
  hook: Webhook;
  metrics: Metrics;
  log: Log;
}

/**
 * Sends the next due post of a webhook, if there is one. As with mail, its row is locked from the claim to
 * the commit: only a crash between the receiver's answer and that commit repeats it, the same bytes under the
 * same `webhook-id`.
 */
export async function deliverNextPost({ db, hook, metrics, log: parent }: PostDelivery, now: Date): Promise<Outcome> {
  return transaction(db, async (tx): Promise<Outcome> => {
    const mail = await outbox.claimDueMail(tx, now, hook.name);
    if (mail === null) return { kind: 'idle' };
    const log = parent.child({ outbox: mail.outbox_key, finding: mail.finding_key, webhook: hook.name });
    try {
      await post(hook, mail.message_id, mail.raw, now);
      await outbox.mailSent(tx, mail.outbox_key, now, null);
      metrics.alerts.inc({ outcome: 'sent' });
      log.info({ id: mail.message_id }, 'posted an alert');
      return { kind: 'sent' };
    } catch (error) {
      if (!(error instanceof RuawatchError)) throw error;
      const old = now.getTime() - mail.created_at.getTime() > GIVE_UP_MS;
      if (error instanceof PermanentError || old) {
        const why = clean(`${old ? 'given up after five days: ' : ''}${messageOf(error)}`, 500);
        await outbox.mailFailed(tx, mail.outbox_key, why);
        metrics.alerts.inc({ outcome: 'failed' });
        log.error({ err: why, id: mail.message_id }, 'could not post an alert; see ruawatch.outbox.last_error');
        return { kind: 'failed' };
      }
      const asked = error instanceof WebhookDown ? error.wait : null;
      const wait = Math.max(asked ?? 0, backoff(mail.attempts, BASE_MS, CAP_MS));
      await outbox.mailDelayed(tx, mail.outbox_key, {
        next_at: new Date(now.getTime() + wait),
        error: clean(error.message, 500),
      });
      metrics.alerts.inc({ outcome: 'delayed' });
      return { kind: 'down', error };
    }
  });
}
