import { createHash } from 'node:crypto';
import { clean } from '../../mails/plain-text.ts';
import { backoff } from '../../shared/clock.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Metrics } from '../../shared/runtime/metrics.ts';
import type { Webhook } from '../../shared/settings/webhook.ts';
import { byGravity } from '../../shared/severity.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import { type Budget, share } from '../mail/cap.ts';
import type { Outcome } from '../mail/deliver.ts';
import { sortStanding } from '../mail/first-start.ts';
import { FORMATS } from './formats/index.ts';
import { post, WebhookDown } from './post.ts';

const HOUR_MS = 3_600_000;
const BASE_MS = 5_000;
const CAP_MS = 30 * 60_000;
/** An older alert is no news; the finding itself stays in the database. */
const GIVE_UP_MS = 5 * 24 * HOUR_MS;

/** How many posts are made of what is due. */
export interface PostLimits {
  budget: Budget;
  /** Findings of a first start that are posted one by one: `alerts.first_start_mails`. */
  firstStart: number;
}

/**
 * Turns events into posts of the outbox, for every webhook that is set. Posts and marks are one transaction.
 * JSON has every event; texts have a budget like mails: the events of a turn that are beyond it are gathered
 * in one. What stands at a first start is one post, as it is one mail, if it is more than `firstStart`.
 * @returns how many posts were made
 */
export async function composePosts(
  { db, log, console = null }: { db: Db; log: Log; console?: string | null },
  webhooks: readonly Webhook[],
  { budget, firstStart }: PostLimits,
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    const first = { most: firstStart, waits: await outbox.historyWaits(tx), now };
    const { standing, due, held } = sortPosts(await outbox.unpostedEvents(tx), first);
    if (standing.length + due.length === 0) return 0;
    let made = 0;
    const events = async (some: readonly outbox.UnpostedEvent[]) =>
      (
        await outbox.findingEvents(
          tx,
          some.filter(isTold).map(({ event_key }) => event_key),
        )
      ).sort(byGravity);
    const [together, alone] = [await events(standing), await events(due)];
    if (webhooks.length > 0 && together.length + alone.length > 0) {
      const installation = await outbox.installation(tx);
      for (const hook of webhooks) {
        const posts = [
          ...(together.length > 0 ? [standingPost(hook, together, console)] : []),
          ...(await postsFor({ tx, hook, budget, now, console }, alone)),
        ];
        for (const one of posts) {
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
      log.info(
        { events: together.length + alone.length, posts: made, held: held.length },
        'queued webhook requests in the outbox',
      );
    }
    await outbox.markPosted(
      tx,
      [...standing, ...due].map((event) => event.event_key),
      now,
    );
    return made;
  });
}

/** Whether it is alerted at all. */
function isTold({ notify, silent }: outbox.UnpostedEvent): boolean {
  return notify && !silent;
}

/**
 * What stood at a first start and is posted together, what is posted as usual, and what waits for the rest of
 * the history. Later events of a finding wait with its first one.
 */
function sortPosts(events: readonly outbox.UnpostedEvent[], first: { most: number; waits: boolean; now: Date }) {
  const items = events.map((event) => ({
    event,
    at: event.at,
    standing: event.standing && event.event === 'opened' && isTold(event),
    urgent: isUrgent(event),
  }));
  const { summary, due, held } = sortStanding(items, first);
  const waiting = new Set(held.map(({ event }) => event.finding_key));
  const isHeld = ({ event }: (typeof items)[number]) => waiting.has(event.finding_key);
  const of = (some: typeof items) => some.map(({ event }) => event);
  return { standing: of(summary), due: of(due.filter((one) => !isHeld(one))), held: of(items.filter(isHeld)) };
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
  const { singles } = share(due, made, budget, now);
  // The text that gathers the rest takes the place of one; what is urgent keeps its own.
  const alone = withoutOne(singles);
  const rest = events.filter((event) => !alone.some((one) => one.event === event));
  if (rest.length <= 1) return events.map(single);
  const gathered: NewPost = {
    name: gatheredName('events', rest),
    kind: 'events',
    finding_key: null,
    subject: `${rest.length} findings`,
    body: format.many(rest),
    urgent: rest.some(isUrgent),
  };
  return [...alone.map((one) => single(one.event)), gathered];
}

/** What stood at a first start, in one post. */
function standingPost(hook: Webhook, events: readonly outbox.FindingEvent[], console: string | null): NewPost {
  return {
    name: gatheredName('standing', events),
    kind: 'events',
    finding_key: null,
    subject: `${events.length} findings at the first analysis`,
    body: FORMATS[hook.format].standing(events, console),
    urgent: events.some(isUrgent),
  };
}

function gatheredName(what: string, events: readonly outbox.FindingEvent[]): string {
  const keys = events.map((event) => `${event.finding_key}-${event.revision}-${event.event}`).sort();
  return `${what}-${createHash('sha256').update(keys.join('\n')).digest('hex').slice(0, 16)}`;
}

/** Without the last that is not urgent. */
function withoutOne<T extends { urgent: boolean }>(items: T[]): T[] {
  const last = items.findLastIndex((item) => !item.urgent);
  return items.filter((_, i) => i !== last);
}

function isUrgent(event: { severity: string; event: string }): boolean {
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
      if (!(error instanceof PermanentError || error instanceof WebhookDown)) throw error;
      const old = now.getTime() - mail.created_at.getTime() > GIVE_UP_MS;
      if (error instanceof PermanentError || old) {
        const why = clean(`${old ? 'given up after five days: ' : ''}${messageOf(error)}`, 500);
        await outbox.mailFailed(tx, mail.outbox_key, why);
        metrics.alerts.inc({ outcome: 'failed' });
        log.error({ err: why, id: mail.message_id }, 'could not send an alert to a webhook; see ruawatch.outbox.last_error');
        return { kind: 'failed' };
      }
      const wait = Math.max(error.wait, backoff(mail.attempts, BASE_MS, CAP_MS));
      await outbox.mailDelayed(tx, mail.outbox_key, {
        next_at: new Date(now.getTime() + wait),
        error: clean(error.message, 500),
      });
      metrics.alerts.inc({ outcome: 'delayed' });
      return { kind: 'down', error };
    }
  });
}
