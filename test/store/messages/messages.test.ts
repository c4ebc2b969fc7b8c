import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { storeMails } from '../../../services/store/messages/intake.ts';
import {
  claimMessages,
  countMessages,
  listMessages,
  loadRaw,
  loadRaws,
  newestRaws,
  noteAttempt,
  replayMessages,
  type Settlement,
  settleMessages,
  showMessage,
  storedRange,
  takeUnqueued,
  waitingMessages,
} from '../../../services/store/messages/messages.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
let keys: number[];
const MAILS = ['one', 'two', 'three'].map((text) => Buffer.from(text.repeat(40_000)));
beforeEach(async () => {
  t = await testDatabase();
  const place = { mailbox: 'm', folder: null, uidValidity: null };
  keys = [];
  for (const raw of MAILS) {
    const { stored } = await transaction(t.db, (tx) => storeMails(tx, place, [arrivalOf(raw)]));
    keys.push(...stored);
  }
});
afterEach(() => t.drop());

const claim = (some: readonly number[] = keys) =>
  transaction(t.db, async (tx) => (await claimMessages(tx, some)).map((message) => message.message_key));
const settle = (state: Settlement['state'], key = keys[0]!, code: string | null = null) =>
  settleMessages(t.db, [{ message_key: key, state, code, reason: code && `Because of ${code}.` }]);
const row = async (key = keys[0]!) => (await showMessage(t.db, key))!;

test('what another transaction holds, or has settled, is not claimed', async () => {
  await transaction(t.db, async (tx) => {
    expect(await claimMessages(tx, [keys[0]!])).toHaveLength(1);
    expect(await claim()).toEqual(keys.slice(1));
  });
  await settle('stored');
  expect(await claim()).toEqual(keys.slice(1));
  expect(await claim([keys[1]!, 999_999])).toEqual([keys[1]]);
});

test('a settlement is final, counts an attempt, and has a reason of bounded length', async () => {
  await settleMessages(t.db, [{ message_key: keys[0]!, state: 'quarantined', code: 'x', reason: 'y'.repeat(2_000) }]);
  await settle('stored');
  const message = await row();
  expect(message).toMatchObject({ state: 'quarantined', code: 'x', attempts: 1, reports: [] });
  expect(message.reason).toBe('y'.repeat(1_000));
  expect(await showMessage(t.db, 999_999)).toBeNull();
});

test('an attempt that failed is noted only on what still waits', async () => {
  await settle('stored', keys[1]);
  await noteAttempt(t.db, keys.slice(0, 2), 'db_down', 'The database was away.');
  expect(await row()).toMatchObject({ state: 'received', code: 'db_down', reason: 'The database was away.', attempts: 1 });
  await noteAttempt(t.db, keys.slice(0, 1), 'db_down', 'y'.repeat(2_000));
  expect(await row()).toMatchObject({ reason: 'y'.repeat(1_000), attempts: 2 });
  expect(await row(keys[1])).toMatchObject({ state: 'stored', code: null, attempts: 1 });
});

test('raw bytes come back as they were, several or one, whatever the number of chunks', async () => {
  await transaction(t.db, async (tx) => {
    const claimed = await claimMessages(tx, keys);
    const raws = await loadRaws(tx, claimed);
    for (const [i, message] of claimed.entries()) {
      expect(raws.get(message.message_key)!.equals(MAILS[i]!)).toBe(true);
      expect((await loadRaw(tx, message))!.equals(MAILS[i]!)).toBe(true);
    }
    expect(await loadRaws(tx, [])).toEqual(new Map());
    await tx.query('delete from ruawatch.raw');
    expect(await loadRaw(tx, claimed[0]!)).toBeNull();
  });
});

test('the search for raw bytes covers the moments of all messages', () => {
  const [a, b] = [new Date(1_000), new Date(5_000)];
  expect(storedRange([{ stored_at: b }, { stored_at: a }])).toEqual([new Date(1_000), new Date(5_001)]);
});

test('a job that is missing or overdue is taken by one sweeper only', async () => {
  await t.db.query('update ruawatch.messages set queued_at = now() where message_key = $1', [keys[0]]);
  await t.db.query("update ruawatch.messages set queued_at = now() - interval '2 minutes' where message_key = $1", [keys[1]]);
  await t.db.query('update ruawatch.messages set queued_at = null where message_key = $1', [keys[2]]);
  expect(await takeUnqueued(t.db, 180, 10)).toEqual([keys[2]]);
  expect(await takeUnqueued(t.db, 60, 10)).toEqual([keys[1]]);
  expect(await takeUnqueued(t.db, 60, 10)).toEqual([]);
  expect(await takeUnqueued(t.db, 0, 2)).toHaveLength(2);
});

test('only what was set aside and has its bytes can be replayed', async () => {
  await settle('quarantined', keys[0], 'xml_damaged');
  await settle('stored', keys[1]);
  await settle('ignored', keys[2], 'no_report');
  expect(await replayMessages(t.db, { code: 'no_report' })).toEqual([keys[2]]);
  expect(await replayMessages(t.db, { states: ['stored'] })).toEqual([]);
  expect(await replayMessages(t.db, { keys })).toEqual([keys[0]]);
  expect(await row()).toMatchObject({ state: 'received', code: null, reason: null, attempts: 0 });
  await settle('failed', keys[0], 'x');
  await t.db.query('delete from ruawatch.raw where message_key = $1', [keys[0]]);
  expect(await replayMessages(t.db, { keys })).toEqual([]);
});

test('the list is newest first, by state, code and mailbox; states are counted, those without messages too', async () => {
  await settle('quarantined', keys[0], 'xml_damaged');
  const list = async (filter: Parameters<typeof listMessages>[1]) =>
    (await listMessages(t.db, filter)).map((one) => one.message_key);
  expect(await list({})).toEqual([...keys].reverse());
  expect(await list({ states: ['quarantined'] })).toEqual([keys[0]]);
  expect(await list({ code: 'xml_damaged', mailbox: 'm' })).toEqual([keys[0]]);
  expect(await list({ mailbox: 'other' })).toEqual([]);
  expect(await list({ states: [], limit: 1 })).toEqual([keys[2]]);
  expect(await countMessages(t.db)).toEqual({ received: 2, stored: 0, ignored: 0, quarantined: 1, failed: 0 });
});

test('what decides how mails are batched is told of those that wait, and a list has fifty when nobody says', async () => {
  await settle('stored', keys[1]);
  await t.db.query('update ruawatch.messages set worker_deaths = 2 where message_key = $1', [keys[2]]);
  expect(await waitingMessages(t.db, [...keys].reverse())).toEqual([
    { message_key: keys[0], size: MAILS[0]!.length, worker_deaths: 0 },
    { message_key: keys[2], size: MAILS[2]!.length, worker_deaths: 2 },
  ]);
  const place = { mailbox: 'm', folder: 'INBOX', uidValidity: 1 };
  const more = Array.from({ length: 60 }, (_, n) => arrivalOf(Buffer.from(`mail ${n}`)));
  const { stored } = await transaction(t.db, (tx) => storeMails(tx, place, more));
  expect((await listMessages(t.db, {})).map((one) => one.message_key)).toEqual(stored.slice(-50).reverse());
  expect(await newestRaws(t.db, 2)).toEqual([]);
  await settleMessages(
    t.db,
    [keys[0]!, ...stored.slice(0, 3)].map((message_key) => ({ message_key, state: 'stored', code: null, reason: null })),
  );
  const newest = await newestRaws(t.db, 2);
  expect(newest.map(String).sort()).toEqual(
    (await Promise.all(stored.slice(1, 3).map((key) => showMessage(t.db, key))))
      .map((one) => more.find(({ sha256 }) => sha256.toString('hex') === one!.sha256)!.raw.toString())
      .sort(),
  );
  expect(await replayMessages(t.db, { states: [], keys: stored.slice(0, 1) })).toEqual([]);
});

test('an empty mail has bytes, none of them', async () => {
  const place = { mailbox: 'm', folder: null, uidValidity: null };
  await transaction(t.db, async (tx) => {
    const { stored } = await storeMails(tx, place, [arrivalOf(Buffer.alloc(0))]);
    const [message] = await claimMessages(tx, stored);
    expect(await loadRaw(tx, message!)).toEqual(Buffer.alloc(0));
    await tx.query('delete from ruawatch.raw where message_key = $1', [message!.message_key]);
    expect(await loadRaw(tx, message!)).toEqual(Buffer.alloc(0));
  });
});
