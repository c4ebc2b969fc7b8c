import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { insertMail } from '../../../services/store/alerts/outbox.ts';
import {
  dropSettledAsks,
  dueRequestMails,
  loadStory,
  markRequestEventsPosted,
  newestRequestMails,
  noteRequestRefusal,
  settleRequestMails,
  spreadRequestEvents,
  unpostedRequestEvents,
} from '../../../services/store/alerts/request-mails.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { sweepRequests } from '../../../services/store/requests/sweep.ts';
import { ADA, BEN, CLEO, DORA, EMIL, later, opened, STAGES, START, TWO, vote } from '../../alerter/requests/setup.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const WHY = `no such user${'.'.repeat(300)}`;
const story = async (key: number, at: Date) => {
  const { asked, stage_asked } = await loadStory(t.db, key, at);
  return { asked: [...asked].sort(), stage_asked };
};

test('who was asked when the stage began, and who may decide now: an escalation asks more, a vote fewer', async () => {
  const key = await opened(t.db, TWO);
  expect(await story(key, START)).toEqual({ asked: [ADA, BEN, CLEO], stage_asked: [ADA, BEN, CLEO] });
  await vote(t.db, key, ADA);
  expect(await story(key, later(1))).toEqual({ asked: [BEN, CLEO], stage_asked: [ADA, BEN, CLEO] });
  // A reminder asks nobody new, not even whom it tells besides.
  await sweepRequests(t.db, later(2));
  const remind =
    "update ruawatch.request_events set recipients = recipients || 'deputy@example.com'::text where event = 'remind'";
  expect((await t.db.query(remind)).rowCount).toBe(1);
  expect((await story(key, later(2))).stage_asked).toEqual([ADA, BEN, CLEO]);
  await sweepRequests(t.db, later(4));
  expect(await story(key, later(4))).toEqual({
    asked: [BEN, CLEO, DORA, EMIL].sort(),
    stage_asked: [ADA, BEN, CLEO, DORA, EMIL].sort(),
  });
  await vote(t.db, key, BEN);
  expect(await story(key, later(4))).toMatchObject({ asked: [] });
});

test('a second stage asks its own people: those of the first are told alone', async () => {
  const key = await opened(t.db, STAGES);
  expect((await story(key, START)).stage_asked).toEqual([ADA, BEN, CLEO]);
  await vote(t.db, key, ADA);
  expect(await story(key, later(1))).toEqual({ asked: [DORA, EMIL], stage_asked: [DORA, EMIL] });
});

test('an escalation of a later stage asks people again whom an earlier one had asked', async () => {
  const rule = {
    name: 'back',
    stages: [{ group: 'mail' }, { group: 'security', escalate: { after_hours: 2, times: 1, to: 'mail' } }],
  };
  const key = await opened(t.db, rule);
  await vote(t.db, key, ADA);
  expect((await story(key, later(1))).stage_asked).toEqual([DORA, EMIL]);
  await sweepRequests(t.db, later(3));
  const { asked, stage_asked } = await story(key, later(3));
  expect({ asked, stage_asked }).toEqual({ asked: [BEN, CLEO, DORA, EMIL], stage_asked: [BEN, CLEO, DORA, EMIL] });
});

test('mails that ask for a decision are dropped once it is made, and counted', async () => {
  const key = await opened(t.db, { name: 'one', stages: [{ group: 'mail' }] });
  const { rows } = await t.db.query<{ event_key: number }>('select event_key from ruawatch.request_events');
  const ask = {
    kind: 'request',
    finding_key: null,
    subject: 's',
    raw: Buffer.from(''),
    urgent: false,
    request_key: key,
  } as const;
  const request_events = rows.map(({ event_key }) => event_key);
  for (const person of [ADA, BEN])
    await transaction(t.db, (tx) =>
      insertMail(tx, { ...ask, message_id: `<${person}>`, recipients: [person], created_at: START, request_events }),
    );
  const drop = () => transaction(t.db, dropSettledAsks);
  expect(await drop()).toBe(0);
  await vote(t.db, key, ADA);
  expect(await drop()).toBe(2);
  expect(await drop()).toBe(0);
});

test('a turn takes at most five thousand events', async () => {
  const key = await opened(t.db, TWO);
  await t.db.query(
    `insert into ruawatch.request_events (request_key, event, state, at, actor, says, recipients, head)
     select $1, 'remind', 'pending', $2, 'nobody', '', '{}', '' from generate_series(1, 5000)`,
    [key, START],
  );
  expect(await transaction(t.db, unpostedRequestEvents)).toHaveLength(5000);
});

test('an event is mailed to each recipient once, by its address, and to nobody without a mail server', async () => {
  await opened(t.db, TWO);
  await t.db.query(
    `update ruawatch.request_events set recipients = array['ada@example.com', 'no address', 'two@at@example.com']`,
  );
  await transaction(t.db, (tx) => spreadRequestEvents(tx, { mailed: true, now: later(1) }));
  const due = await transaction(t.db, (tx) => dueRequestMails(tx, later(1)));
  expect(due.map(({ recipient, event, refusals }) => ({ recipient, event, refusals }))).toEqual([
    { recipient: 'ada@example.com', event: 'open', refusals: 0 },
  ]);
  const { rows } = await t.db.query('select handled_at from ruawatch.request_events');
  expect(rows).toEqual([{ handled_at: later(1) }]);
  await transaction(t.db, (tx) => spreadRequestEvents(tx, { mailed: true, now: later(2) }));
  expect((await t.db.query('select handled_at from ruawatch.request_events')).rows).toEqual(rows);

  const key = due[0]!.event_key;
  const refuse = (wait: number | null) =>
    transaction(t.db, (tx) =>
      noteRequestRefusal(tx, [key], { recipients: ['ada@example.com'], why: WHY, now: later(1), wait: () => wait }),
    );
  expect(await refuse(3_600_000)).toEqual({ again: 1, over: 0 });
  const mails = async () => (await t.db.query('select refusals, refusal, retry_at, settled_at from ruawatch.request_mails')).rows;
  expect(await mails()).toEqual([{ refusals: 1, refusal: WHY.slice(0, 300), retry_at: later(2), settled_at: null }]);
  expect(await transaction(t.db, (tx) => dueRequestMails(tx, new Date(later(2).getTime() - 1)))).toEqual([]);
  expect(await transaction(t.db, (tx) => dueRequestMails(tx, later(2)))).toMatchObject([{ refusals: 1 }]);
  await transaction(t.db, (tx) => settleRequestMails(tx, { events: [key], recipient: 'ben@example.com', at: later(3) }));
  expect(await transaction(t.db, (tx) => dueRequestMails(tx, later(3)))).toHaveLength(1);
  await transaction(t.db, (tx) => settleRequestMails(tx, { events: [key], recipient: 'ada@example.com', at: later(3) }));
  expect(await transaction(t.db, (tx) => dueRequestMails(tx, later(3)))).toEqual([]);
  // Given up: the mail had been settled when it was written, and stays so.
  expect(await refuse(null)).toEqual({ again: 0, over: 1 });
  expect(await mails()).toEqual([{ refusals: 2, refusal: WHY.slice(0, 300), retry_at: null, settled_at: later(3) }]);
});

test('without a mail server nobody is mailed, and webhooks still post', async () => {
  await opened(t.db, TWO);
  await transaction(t.db, (tx) => spreadRequestEvents(tx, { mailed: false, now: later(1) }));
  expect(await transaction(t.db, (tx) => dueRequestMails(tx, later(1)))).toEqual([]);
  const left = await transaction(t.db, unpostedRequestEvents);
  expect(left).toHaveLength(1);
  await transaction(t.db, (tx) => markRequestEventsPosted(tx, [left[0]!.event_key], later(1)));
  expect(await transaction(t.db, unpostedRequestEvents)).toEqual([]);
});

test('the newest mails to a person, newest first, are counted apart from posts to a webhook of that name', async () => {
  const mail = (at: Date, urgent: boolean, webhook: string | null) =>
    t.db.query(
      `insert into ruawatch.outbox (kind, recipients, urgent, webhook, created_at, next_at, subject, message_id, raw)
       values ('request', array['ops'], $2, $3, $1, $1, '', gen_random_uuid()::text, '')`,
      [at, urgent, webhook],
    );
  await mail(later(1), false, null);
  await mail(later(2), true, null);
  await mail(later(3), false, null);
  await mail(later(4), false, 'ops');
  const newest = (limit: number, webhook: string | null = null) =>
    transaction(t.db, (tx) => newestRequestMails(tx, 'ops', limit, webhook));
  expect(await newest(2)).toEqual([
    { at: later(3), domain: null, urgent: false },
    { at: later(2), domain: null, urgent: true },
  ]);
  expect(await newest(5, 'ops')).toEqual([{ at: later(4), domain: null, urgent: false }]);
});
