import { createHash } from 'node:crypto';
import type { Rendered } from '../../mails/render-finding.ts';
import { groupBy } from '../../shared/group-by.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import * as outbox from '../../store/alerts/outbox.ts';
import * as mails from '../../store/alerts/request-mails.ts';
import { share } from '../mail/cap.ts';
import { composeMail, messageIdOf } from '../mail/message.ts';
import { requestContent } from './content.ts';
import { renderRequest, renderRequests } from './render.ts';
import { isUrgentStep, isWanted } from './steps.ts';

export interface RequestMailSettings {
  /** The sender's address; null without mail. */
  from: string | null;
  /** The setting `console.url`, when it is set. */
  console: string | null;
  perHour: number;
}

/** One mail to make: the newest event of a request that a person is to be mailed about. */
interface Item {
  request_key: number;
  event: number;
  /** All events that the mail settles for this person. */
  events: number[];
  refusals: number;
  /** In the place of the domain: whoever asks. Half of an hour is for others. */
  domain: string;
  at: Date;
  urgent: boolean;
}

type Stories = Map<number, mails.RequestStory>;

/**
 * Turns what happened to requests into mails of the outbox, to each recipient by himself. The mails and the
 * marks are one transaction. What asks for a decision that is not wanted any more makes no mail, and ends the
 * one that is not out yet.
 * @returns how many mails were made
 */
export async function composeRequestMails(
  { db, log }: { db: Db; log: Log },
  { from, console, perHour }: RequestMailSettings,
  now: Date,
): Promise<number> {
  return transaction(db, async (tx) => {
    await outbox.lockComposing(tx);
    const dropped = await mails.dropSettledAsks(tx);
    if (dropped > 0) log.info({ mails: dropped }, 'left out mails that asked about settled requests');
    await mails.spreadRequestEvents(tx, { mailed: from !== null, now });
    if (from === null) return 0;
    const stories: Stories = new Map();
    const all = await mails.dueRequestMails(tx, now);
    for (const key of new Set(all.map(({ request_key }) => request_key))) stories.set(key, await mails.loadStory(tx, key, now));
    const installation = await outbox.installation(tx);
    let made = 0;
    for (const [recipient, due] of groupBy(all, (one) => one.recipient)) {
      const items = await itemsOf(tx, { recipient, due, stories, now });
      made += await put({ tx, from, console, installation, stories, now }, recipient, items, perHour);
    }
    if (made > 0) log.info({ mails: made }, 'queued mails about requests in the outbox');
    return made;
  });
}

/**
 * What is due to a person, one mail for each request; break-glass has one of its own. What is not wanted is
 * settled.
 */
async function itemsOf(
  tx: Tx,
  { recipient, due, stories, now }: { recipient: string; due: readonly mails.DueRequestMail[]; stories: Stories; now: Date },
): Promise<Item[]> {
  const items: Item[] = [];
  for (const [request_key, all] of groupBy(due, (one) => one.request_key)) {
    const story = stories.get(request_key)!;
    const alone = all.filter(({ event }) => event === 'override');
    const others = all.filter(({ event }) => event !== 'override');
    for (const some of [alone, others]) {
      const useful = some.filter((one) => isWanted(one, story, recipient));
      // A reminder of the same moment says less.
      const newest =
        useful.at(-1)?.event === 'remind'
          ? (useful.findLast(({ event }) => event === 'escalate') ?? useful.at(-1))
          : useful.at(-1);
      if (newest === undefined) {
        await settle(tx, some, { recipient, at: now });
        continue;
      }
      items.push({
        request_key,
        event: newest.event_key,
        events: some.map(({ event_key }) => event_key),
        refusals: some.reduce((sum, { refusals }) => sum + refusals, 0),
        domain: askerKey(story),
        at: some[0]!.at,
        urgent: isUrgentStep(newest.event, story),
      });
    }
  }
  return items.sort((a, b) => Number(b.urgent) - Number(a.urgent) || a.event - b.event);
}

/** A person or a program can ask as often as it likes; what playbooks ask has the limit of findings. */
const askerKey = ({ request }: mails.RequestStory): string =>
  request.requester_kind === 'playbook' ? `request ${request.request_key}` : `from ${request.requester}`;

const settle = (tx: Tx, some: readonly mails.DueRequestMail[], to: { recipient: string; at: Date }) =>
  mails.settleRequestMails(tx, { events: some.map(({ event_key }) => event_key), ...to });

interface Putting {
  tx: Tx;
  from: string;
  console: string | null;
  installation: string;
  stories: Stories;
  now: Date;
}

/**
 * Puts mails to a person into the outbox, as many as the hour has room for; what it held back comes together.
 */
async function put(putting: Putting, recipient: string, items: Item[], perHour: number): Promise<number> {
  const { tx, now, installation } = putting;
  const made = await mails.newestRequestMails(tx, recipient, 2 * perHour);
  const { digest, singles } = share(items, made, { perHour, perDomain: Math.max(1, Math.floor(perHour / 2)) }, now);
  const content = (item: Item) =>
    requestContent(putting.stories.get(item.request_key)!, { event: item.event, recipient, console: putting.console });
  const to = hashOf(recipient);
  for (const item of singles) {
    await insert(putting, recipient, [item], {
      name: `request-${item.request_key}-${item.event}-${to}${again(item)}`,
      thread: messageIdOf(`request-${item.request_key}`, installation, putting.from),
      content: renderRequest(content(item)),
    });
  }
  if (digest.length === 0) return singles.length;
  await insert(putting, recipient, digest, {
    name: `requests-${hashOf(JSON.stringify([recipient, ...digest.map((one) => [one.events, one.refusals])]))}`,
    thread: null,
    content: renderRequests(digest.map(content)),
  });
  return singles.length + 1;
}

async function insert(
  { tx, from, installation, now }: Putting,
  recipient: string,
  items: readonly Item[],
  { name, thread, content }: { name: string; thread: string | null; content: Rendered },
): Promise<void> {
  const message_id = messageIdOf(name, installation, from);
  const urgent = items.some((item) => item.urgent);
  const events = items.flatMap((item) => item.events);
  // Every mail of a request refers to one id that no mail has, so that whoever is asked late has the thread
  // as well.
  const raw = await composeMail({ from, to: [recipient], message_id, inReplyTo: thread, date: now, urgent, content });
  const only = items.length === 1 ? { request_key: items[0]!.request_key } : {};
  await outbox.insertMail(tx, {
    message_id,
    kind: 'request',
    finding_key: null,
    recipients: [recipient],
    subject: content.subject,
    raw,
    urgent,
    created_at: now,
    request_events: events,
    ...only,
  });
  await mails.settleRequestMails(tx, { events, recipient, at: now });
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** What distinguishes a mail from the ones that were refused before it. */
const again = ({ refusals }: Item) => (refusals === 0 ? '' : `-again-${refusals}`);
