import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { decidersOf, loadSeats } from '../requests/groups.ts';
import { askersOf, type Decision, decisionsOn, loadRequest, type Request } from '../requests/requests.ts';
import { clipped } from '../sql-text.ts';
import type { Refusal } from './refusals.ts';
import { SETTLED_ASK } from './settled-ask.ts';

/** An event of a request that a person is to be mailed about. */
export interface DueRequestMail {
  event_key: number;
  request_key: number;
  recipient: string;
  event: string;
  at: Date;
  /** How often the mail server refused a mail about it to this person. */
  refusals: number;
}

/** Something that happened to a request, as it was noted. */
export interface RequestHistory {
  event_key: number;
  event: string;
  at: Date;
  actor: string;
  says: string;
  /** The audit chain's newest row at that moment: number, colon, hash. */
  head: string;
}

/** All that a mail or a post about a request says. */
export interface RequestStory {
  request: Request;
  decisions: Decision[];
  /** The oldest first. */
  history: RequestHistory[];
  /** Who may decide now and has not decided. */
  asked: ReadonlySet<string>;
  /** Who was asked when the present stage began, and to whom it was escalated since. */
  stage_asked: string[];
}

/** Far above any real backlog; what is beyond it is seen by a later turn. */
const MOST_EVENTS = 5_000;
const ADDRESS = '^[^[:space:]@<>[:cntrl:]]+@[^[:space:]@<>[:cntrl:]]+$';

/**
 * Gives each new event of a request to its recipients, for a mail each.
 * @param mailed false without a mail server: nobody is mailed, and webhooks post it
 */
export async function spreadRequestEvents(tx: Tx, { mailed, now }: { mailed: boolean; now: Date }): Promise<void> {
  await tx.query(
    `with fresh as (
       select event_key, recipients from ruawatch.request_events where handled_at is null order by event_key limit ${MOST_EVENTS}
          for update skip locked),
          given as (
       insert into ruawatch.request_mails (event_key, recipient)
       select event_key, r from fresh cross join lateral unnest(recipients) r where $1 and r ~ '${ADDRESS}'
           on conflict do nothing)
     update ruawatch.request_events e set handled_at = $2 from fresh where e.event_key = fresh.event_key`,
    [mailed, now],
  );
}

/** What is due to be mailed, by event. */
export async function dueRequestMails(tx: Tx, now: Date): Promise<DueRequestMail[]> {
  const { rows } = await tx.query<DueRequestMail>(
    `select m.event_key, e.request_key, m.recipient, e.event, e.at, m.refusals
       from ruawatch.request_mails m join ruawatch.request_events e using (event_key)
      where m.settled_at is null and (m.retry_at is null or m.retry_at <= $1)
      order by m.event_key, m.recipient limit ${MOST_EVENTS}
        for update of m skip locked`,
    [now],
  );
  return rows;
}

/** Marks events as mailed to a person, or as needing no mail to that person any more. */
export async function settleRequestMails(
  tx: Tx,
  { events, recipient, at }: { events: readonly number[]; recipient: string; at: Date },
): Promise<void> {
  await tx.query(
    'update ruawatch.request_mails set settled_at = $3, retry_at = null where event_key = any($1) and recipient = $2',
    [events, recipient, at],
  );
}

/** A request with what was decided and what happened, and who is asked now. */
export async function loadStory(q: Queryable, key: number, now: Date): Promise<RequestStory> {
  const request = await loadRequest(q, key);
  const decisions = await decisionsOn(q, key);
  const { rows: events } = await q.query<RequestHistory & { recipients: string[] }>(
    'select event_key, event, at, actor, says, head, recipients from ruawatch.request_events where request_key = $1 order by event_key',
    [key],
  );
  const history = events.map(({ recipients: _, ...event }) => event);
  const stage_asked = askedThen(events);
  return { request, decisions, history, asked: await askedNow(q, { request, decisions, history }, now), stage_asked };
}

/**
 * Whom the event asked with which the present stage began, and the escalations since. Those of earlier stages
 * are told of a new stage as well: they are not asked.
 */
function askedThen(events: readonly (RequestHistory & { recipients: string[] })[]): string[] {
  const begun = events.findLastIndex(beginsStage);
  const before = new Set(events.slice(0, begun).flatMap(({ recipients }) => recipients));
  const asked = events.slice(begun).flatMap((one) => {
    if (beginsStage(one)) return one.recipients.filter((person) => !before.has(person));
    return one.event === 'escalate' ? one.recipients : [];
  });
  return [...new Set(asked)].sort();
}

const beginsStage = ({ event }: RequestHistory): boolean => event === 'open' || event === 'stage';

async function askedNow(
  q: Queryable,
  { request, decisions, history }: Omit<RequestStory, 'asked' | 'stage_asked'>,
  now: Date,
): Promise<ReadonlySet<string>> {
  const stage = request.rule.stages[request.stage];
  if (request.state !== 'pending' || stage === undefined) return new Set();
  const membersOf = decidersOf(await loadSeats(q, now), { askers: await askersOf(q, request), votes: decisions });
  const begun = history.findLastIndex(beginsStage);
  const escalated = stage.escalate !== null && history.slice(begun).some(({ event }) => event === 'escalate');
  return new Set([...membersOf(stage.group), ...(escalated ? membersOf(stage.escalate!.to) : [])]);
}

/**
 * The newest mails about requests to a person, or posts to a webhook, newest first: what the hourly limit is
 * counted by.
 * @param recipient an address, or the name of the webhook
 */
export async function newestRequestMails(
  tx: Tx,
  recipient: string,
  limit: number,
  webhook: string | null = null,
): Promise<{ at: Date; domain: string | null; urgent: boolean }[]> {
  const { rows } = await tx.query<{ at: Date; domain: string | null; urgent: boolean }>(
    `select created_at as at, urgent,
            (select 'from ' || r.requester from ruawatch.requests r
              where r.request_key = o.request_key and r.requester_kind <> 'playbook') as domain
       from ruawatch.outbox o
      where recipients = array[$1::text] and kind = 'request' and webhook is not distinct from $3 order by outbox_key desc limit $2`,
    [recipient, limit, webhook],
  );
  return rows;
}

/**
 * Ends mails of the outbox that ask for a decision on a request that is settled by now, or of a stage that is
 * over: nothing more is sent about what is decided.
 * @returns how many
 */
export async function dropSettledAsks(tx: Tx): Promise<number> {
  const { rowCount } = await tx.query(
    `update ruawatch.outbox set state = 'failed', last_error = 'Not sent: the request was settled before.'
      where outbox_key in (select o.outbox_key from ruawatch.outbox o where o.state = 'pending' and ${SETTLED_ASK} for update skip locked)`,
  );
  return rowCount!;
}

/** Notes that the mail server refused a mail about requests: each event is mailed anew to these people. */
export async function noteRequestRefusal(
  tx: Tx,
  events: readonly number[],
  { recipients, why, now, wait }: Refusal,
): Promise<{ again: number; over: number }> {
  const counts = { again: 0, over: 0 };
  const { rows } = await tx.query<{ event_key: number; recipient: string; refusals: number; at: Date }>(
    `select m.event_key, m.recipient, m.refusals, e.at from ruawatch.request_mails m join ruawatch.request_events e using (event_key)
      where m.event_key = any($1::bigint[]) and m.recipient = any($2::text[]) order by m.event_key, m.recipient for update of m`,
    [events, recipients],
  );
  for (const { event_key, recipient, refusals, at } of rows) {
    const ms = wait(refusals, at);
    counts[ms === null ? 'over' : 'again']++;
    await tx.query(
      `update ruawatch.request_mails set refusals = refusals + 1, refusal = $3, retry_at = $4::timestamptz,
              settled_at = case when $4::timestamptz is null then settled_at end
        where event_key = $1 and recipient = $2`,
      [event_key, recipient, clipped(why, 300), ms === null ? null : new Date(now.getTime() + ms)],
    );
  }
  return counts;
}

/** An event of a request that no post was made of yet. */
export interface UnpostedRequestEvent {
  event_key: number;
  request_key: number;
}

/** Events of requests that no post was made of yet, the oldest first. */
export async function unpostedRequestEvents(tx: Tx): Promise<UnpostedRequestEvent[]> {
  const { rows } = await tx.query<UnpostedRequestEvent>(
    `select event_key, request_key from ruawatch.request_events where posted_at is null order by event_key limit ${MOST_EVENTS}
        for update skip locked`,
  );
  return rows;
}

export async function markRequestEventsPosted(tx: Tx, events: readonly number[], at: Date): Promise<void> {
  await tx.query('update ruawatch.request_events set posted_at = $2 where event_key = any($1)', [events, at]);
}
