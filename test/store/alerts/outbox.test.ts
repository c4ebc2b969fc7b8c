import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  claimDueMail,
  failOrphans,
  findingEvents,
  firstMailOf,
  historyWaits,
  insertMail,
  installation,
  lockComposing,
  lockEvents,
  mailDelayed,
  mailFailed,
  mailSent,
  markHandled,
  markMailed,
  markPosted,
  type NewMail,
  noteDelivery,
  pendingMails,
  unhandledEvents,
  unpostedEvents,
} from '../../../services/store/alerts/outbox.ts';
import { refusedAlerts, retryRefused } from '../../../services/store/alerts/refusals.ts';
import { type Bench, bench } from '../../alerter/setup.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

test('an installation is named after the moment its schema was made', async () => {
  const named = async (moment: string) => {
    await b.db.query('update ruawatch.migrations set applied_at = $1 where version = 1', [moment]);
    return await installation(b.db);
  };
  const first = await named('2026-01-01T00:00:00.000001Z');
  expect(first).toBe(createHash('sha256').update('1767225600.000001').digest('hex').slice(0, 12));
  expect(await named('2026-01-01T00:00:00.000001Z')).toBe(first);
  expect(await named('2026-01-01T00:00:00.000002Z')).not.toBe(first);
});

test('an event is posted once', async () => {
  await b.event({ domain: 'a.example' });
  await b.event({ domain: 'b.example' });
  const events = () => transaction(b.db, unpostedEvents);
  const [first, second] = await events();
  expect([first, second]).toMatchObject([
    { notify: true, silent: false },
    { notify: true, silent: false },
  ]);
  await transaction(b.db, (tx) => markPosted(tx, [first!.event_key], b.now));
  expect(await events()).toEqual([second]);
});

test('posts to a webhook that is no longer set are given up and counted', async () => {
  const put = (webhook: string | null, id: string) =>
    b.db.query(
      `insert into ruawatch.outbox (message_id, kind, recipients, subject, raw, created_at, next_at, webhook, state)
       values ($1, 'finding', '{}', 's', '', now(), now(), $2, 'pending')`,
      [id, webhook],
    );
  for (const [i, webhook] of [null, 'kept', 'gone', 'gone'].entries()) await put(webhook, `<${i}>`);
  expect(await failOrphans(b.db, ['kept'])).toBe(2);
  expect(await failOrphans(b.db, ['kept'])).toBe(0);
});

test('all that was refused is made due again, and counted', async () => {
  expect(await retryRefused(b.db, b.now)).toBe(0);
  const later = new Date(b.now.getTime() + 60_000);
  for (const domain of ['a.example', 'b.example', 'c.example']) await b.event({ domain });
  await b.db.query('update ruawatch.finding_events set retry_at = $1', [later]);
  await b.db.query(
    `insert into ruawatch.digests (due_at, recipients, made_at, domains, retry_at) values ($1, '{a}', $1, '{}', $2), ($1, '{b}', $1, '{}', $1)`,
    [b.now, later],
  );
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 3, digests: 2, next: b.now });
  expect(await retryRefused(b.db, b.now)).toBe(4);
  expect(await refusedAlerts(b.db)).toMatchObject({ findings: 3, digests: 2, next: b.now });
  expect(await retryRefused(b.db, b.now)).toBe(0);
});

const RECIPIENTS: [string, string] = ['a@example.org', 'b@example.org'];
const MAIL: Omit<NewMail, 'message_id' | 'created_at'> = {
  kind: 'finding',
  finding_key: null,
  recipients: RECIPIENTS,
  subject: 'a subject',
  raw: Buffer.from('the mail'),
  urgent: false,
};
const put = (message_id: string, more: Partial<NewMail> = {}) =>
  transaction(b.db, (tx) => insertMail(tx, { ...MAIL, message_id, created_at: b.now, ...more }));

test('a mail is stored once, with all that it is about', async () => {
  const about = { webhook: 'hook', events: [4, 5], digest_key: 6, request_key: 7, request_events: [8] };
  const plain = { webhook: null, events: null, digest_key: null, request_key: null, request_events: null };
  const first = await put('<1>');
  const second = await put('<2>', { ...about, finding_key: 3, urgent: true });
  expect(second).toBe(first! + 1);
  expect(await put('<1>', about)).toBeNull();
  const { rows } = await b.db.query(
    `select message_id, kind, finding_key, recipients, subject, raw, urgent, created_at, next_at, webhook, events, digest_key, request_key,
            request_events, state, attempts from ruawatch.outbox order by outbox_key`,
  );
  const both = { ...MAIL, created_at: b.now, next_at: b.now, state: 'pending', attempts: 0 };
  // The driver reads arrays of bigint as texts.
  const stored = { ...about, events: ['4', '5'], request_events: ['8'] };
  expect(rows).toEqual([
    { ...both, ...plain, message_id: '<1>' },
    { ...both, ...stored, message_id: '<2>', finding_key: 3, urgent: true },
  ]);
  expect([await pendingMails(b.db), await pendingMails(b.db, 'hook'), await pendingMails(b.db, 'other')]).toEqual([1, 1, 0]);
});

test('a mail is claimed when it is due, the urgent one first, and its outcome is noted', async () => {
  const claim = (webhook: string | null = null) => transaction(b.db, (tx) => claimDueMail(tx, b.now, webhook));
  expect(await claim()).toBeNull();
  const first = (await put('<1>', { events: [1], finding_key: 9 }))!;
  const second = (await put('<2>', { urgent: true }))!;
  const claimed = await transaction(b.db, async (tx) => {
    const mail = await claimDueMail(tx, b.now);
    const { rows } = await tx.query('show idle_in_transaction_session_timeout');
    // Whoever comes meanwhile gets the next.
    return { mail: mail?.message_id, idle: rows, other: (await claim())?.message_id };
  });
  expect(claimed).toEqual({ mail: '<2>', idle: [{ idle_in_transaction_session_timeout: '15min' }], other: '<1>' });

  const [to, other] = RECIPIENTS;
  const note = (delivered: string[], refused: string[]) =>
    transaction(b.db, (tx) => noteDelivery(tx, first, { delivered, refused }));
  await transaction(b.db, (tx) => mailSent(tx, second, b.now, 'a note'));
  await note([to], []);
  const again = (await claim())!;
  expect({ ...again, events: again.events!.map(Number) }).toEqual({
    outbox_key: first,
    message_id: '<1>',
    finding_key: 9,
    audience: [to, other],
    recipients: [other],
    events: [1],
    digest_key: null,
    request_events: null,
    raw: MAIL.raw,
    attempts: 0,
    created_at: b.now,
  });
  await note([], [other]);
  const next_at = new Date(b.now.getTime() + 1);
  await transaction(b.db, (tx) => mailDelayed(tx, first, { next_at, error: 'later' }));
  expect(await claim()).toBeNull();
  b.now = next_at;
  expect(await claim()).toMatchObject({ recipients: [], attempts: 1 });
  const third = (await put('<3>'))!;
  for (const key of [first, third]) await transaction(b.db, (tx) => mailFailed(tx, key, 'never'));
  const { rows } = await b.db.query(
    'select state, attempts, last_error, sent_at, delivered_to, refused_for from ruawatch.outbox order by outbox_key',
  );
  expect(rows).toEqual([
    { state: 'sent', attempts: 2, last_error: 'never', sent_at: null, delivered_to: [to], refused_for: [other] },
    {
      state: 'sent',
      attempts: 0,
      last_error: 'a note',
      sent_at: new Date(next_at.getTime() - 1),
      delivered_to: [],
      refused_for: [],
    },
    { state: 'failed', attempts: 1, last_error: 'never', sent_at: null, delivered_to: [], refused_for: [] },
  ]);
});

test('the first mail of a finding to somebody begins the thread', async () => {
  const [to, other] = RECIPIENTS;
  const first = (of: number, ...recipients: string[]) => transaction(b.db, (tx) => firstMailOf(tx, of, recipients));
  await put('<1>', { finding_key: 9, recipients: [other] });
  await put('<2>', { finding_key: 9 });
  await put('<3>', { finding_key: 8, webhook: 'hook' });
  expect([await first(9, to), await first(9, other), await first(9, to, other), await first(8, to)]).toEqual([
    '<2>',
    '<1>',
    '<1>',
    null,
  ]);
});

test('one composer at a time', async () => {
  const free = async () =>
    (await b.db.query("select from ruawatch.locks where name = 'compose' for update skip locked")).rows.length;
  await transaction(b.db, async (tx) => {
    expect(await free()).toBe(1);
    await lockComposing(tx);
    expect(await free()).toBe(0);
  });
});

test('history waits while mails are to be read or domains to be analyzed', async () => {
  const waits = () => transaction(b.db, historyWaits);
  expect(await waits()).toBe(false);
  await b.db.query(
    "insert into ruawatch.messages (mailbox, received_at, size, fingerprint, state) values ('main', now(), 1, 'a', 'received')",
  );
  expect(await waits()).toBe(true);
});

test('events are settled for all at once, or once every recipient was mailed', async () => {
  const [to, other] = RECIPIENTS;
  const findings = [await b.event({ domain: 'a.example' }), await b.event({ domain: 'b.example' })];
  const unhandled = () => transaction(b.db, unhandledEvents);
  const [one, two] = (await unhandled()).map(({ event_key }) => event_key) as [number, number];
  expect((await transaction(b.db, (tx) => findingEvents(tx, [two, one]))).map((event) => event.domain)).toEqual([
    'b.example',
    'a.example',
  ]);
  await transaction(b.db, (tx) => markMailed(tx, [one], { to: [to], all: [to, other], at: b.now }));
  expect(await unhandled()).toMatchObject([
    { finding_key: findings[0], mailed_to: [to], known: false, known_to: [to] },
    { finding_key: findings[1], mailed_to: [], known: false, known_to: [] },
  ]);
  await transaction(b.db, (tx) => markMailed(tx, [one], { to: [other], all: [to, other], at: b.now }));
  expect(await transaction(b.db, (tx) => lockEvents(tx, [one, two]))).toEqual(new Map([[two, 0]]));
  await transaction(b.db, (tx) => markHandled(tx, [two], b.now));
  expect(await unhandled()).toEqual([]);
  const { rows } = await b.db.query('select handled_at, mailed_to from ruawatch.finding_events order by event_key');
  expect(rows).toEqual([
    { handled_at: b.now, mailed_to: [to, other] },
    { handled_at: b.now, mailed_to: null },
  ]);
});
