import { createHash } from 'node:crypto';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Webhook } from '../../shared/settings/webhook.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import * as mails from '../../store/alerts/request-mails.ts';
import { share } from '../mail/cap.ts';
import { FORMATS } from '../webhook/formats/index.ts';
import { requestContent } from './content.ts';
import { eventOf, type RequestPost } from './post.ts';
import { isUrgentStep } from './steps.ts';

/**
 * Turns what happened to requests into posts of the outbox, for every webhook that is set. JSON has every
 * event; texts have a budget like mails, and the events of a turn that are beyond it are gathered in one.
 * @returns how many posts were made
 */
export async function composeRequestPosts(
  { db, log, console }: { db: Db; log: Log; console: string | null },
  webhooks: readonly Webhook[],
  perHour: number,
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    const fresh = await mails.unpostedRequestEvents(tx);
    if (fresh.length === 0) return 0;
    let made = 0;
    if (webhooks.length > 0) {
      const stories = new Map<number, mails.RequestStory>();
      for (const key of new Set(fresh.map(({ request_key }) => request_key)))
        stories.set(key, await mails.loadStory(tx, key, now));
      const posts = fresh.map(({ event_key, request_key }) => ({ event: event_key, story: stories.get(request_key)! }));
      const installation = await outbox.installation(tx);
      for (const hook of webhooks) made += await postsTo({ tx, hook, console, installation, perHour, now }, posts);
      log.info({ events: fresh.length, posts: made }, 'queued webhook requests about approvals in the outbox');
    }
    await mails.markRequestEventsPosted(
      tx,
      fresh.map(({ event_key }) => event_key),
      now,
    );
    return made;
  });
}

interface Posting {
  tx: Tx;
  hook: Webhook;
  console: string | null;
  installation: string;
  perHour: number;
  now: Date;
}

async function postsTo(posting: Posting, posts: readonly RequestPost[]): Promise<number> {
  const { tx, hook, console, perHour, now } = posting;
  const format = FORMATS[hook.format];
  if (format.requests === null) {
    for (const one of posts) await insert(posting, [one], format.request(one, console));
    return posts.length;
  }
  const made = await mails.newestRequestMails(tx, hook.name, 2 * perHour, hook.name);
  const items = posts.map((one) => {
    const { event } = eventOf(one);
    return { one, domain: one.story.request.domain, at: now, urgent: isUrgentStep(event, one.story) };
  });
  const { singles } = share(items, made, { perHour, perDomain: perHour }, now);
  // The post that gathers the rest takes the place of one.
  const alone = singles.length === posts.length ? singles : singles.slice(0, -1);
  for (const { one } of alone) await insert(posting, [one], format.request(one, console));
  const rest = posts.filter((one) => !alone.some((single) => single.one === one));
  if (rest.length > 0) await insert(posting, rest, format.requests(rest, console));
  return alone.length + (rest.length > 0 ? 1 : 0);
}

async function insert({ tx, hook, installation, now }: Posting, posts: readonly RequestPost[], body: Buffer): Promise<void> {
  const [first] = posts;
  const events = posts.map(({ event }) => event);
  const { request_key } = first!.story.request;
  const only = posts.length === 1;
  const name = only
    ? `request-${request_key}-${events[0]}`
    : `requests-${createHash('sha256').update(events.join(' ')).digest('hex').slice(0, 16)}`;
  await outbox.insertMail(tx, {
    message_id: `${name}.${installation}.${hook.name}`,
    kind: 'request',
    finding_key: null,
    recipients: [hook.name],
    subject: only
      ? requestContent(first!.story, { event: events[0]!, recipient: '', console: null }).title
      : `${posts.length} events of requests`,
    raw: body,
    urgent: posts.some((one) => isUrgentStep(eventOf(one).event, one.story)),
    created_at: now,
    request_events: events,
    webhook: hook.name,
    ...(only ? { request_key } : {}),
  });
}
