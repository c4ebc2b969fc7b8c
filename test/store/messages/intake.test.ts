import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  type Arrival,
  forgetUids,
  type LeftMail,
  leftMails,
  markDisposed,
  type Place,
  recordLeft,
  reserveKey,
  storeChunk,
  storeMails,
  storeStreamed,
  undisposed,
} from '../../../services/store/messages/intake.ts';
import { arrivalOf } from '../../helpers/arrival.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const INBOX: Place = { mailbox: 'm', folder: 'INBOX', uidValidity: 1 };
const mail = (text: string, more: Partial<Arrival> = {}) => ({ ...arrivalOf(Buffer.from(text)), ...more });
const store = (place: Place, ...mails: ReturnType<typeof mail>[]) => transaction(t.db, (tx) => storeMails(tx, place, mails));
const rows = async (columns: string) => (await t.db.query(`select ${columns} from ruawatch.messages order by message_key`)).rows;

test('the same bytes are one message of a mailbox, and name the place where they were seen last', async () => {
  const first = await store(INBOX, mail('a', { uid: 1 }), mail('b', { uid: 2 }), mail('a', { uid: 3 }));
  expect(first.stored).toHaveLength(2);
  const again = await store({ ...INBOX, folder: 'Archive' }, mail('a', { uid: 9 }), mail('c', { uid: 10 }));
  expect(again.known).toEqual([first.keys.get(createHash('sha256').update('a').digest('hex'))]);
  expect(again.stored).toHaveLength(1);
  expect(await rows('folder, uid')).toEqual(
    expect.arrayContaining([
      { folder: 'Archive', uid: 9 },
      { folder: 'INBOX', uid: 2 },
      { folder: 'Archive', uid: 10 },
    ]),
  );
  // Another mailbox is another message.
  expect((await store({ ...INBOX, mailbox: 'n' }, mail('a'))).stored).toHaveLength(1);
});

test('two that store the same mails at once store each once', async () => {
  const mails = Array.from({ length: 20 }, (_, n) => mail(`mail ${n}`));
  const both = await Promise.all([store(INBOX, ...mails), store(INBOX, ...[...mails].reverse())]);
  expect(both.flatMap(({ stored }) => stored)).toHaveLength(20);
  expect(await rows('1')).toHaveLength(20);
});

test('texts of a header may hold anything, and are cut', async () => {
  await store(INBOX, mail('a', { subject: `\0${'x'.repeat(5_000)}`, sender: '\ud800' }));
  expect(await rows('subject, sender')).toEqual([{ subject: `\ufffd${'x'.repeat(999)}`, sender: '\ufffd' }]);
});

test('a large mail is written chunk by chunk under a key of its own, unless it is known', async () => {
  const stream = (text: string) =>
    transaction(t.db, async (tx) => {
      const key = await reserveKey(tx);
      await storeChunk(tx, key, 0, Buffer.from(text));
      const fresh = await storeStreamed(tx, INBOX, key, mail(text, { uid: 5 }));
      return { key, fresh };
    });
  const { key, fresh } = await stream('large');
  expect(fresh).toBe(true);
  expect(await rows('message_key, state')).toEqual([{ message_key: key, state: 'received' }]);
  expect((await stream('large')).fresh).toBe(false);
});

const left = (text: string, more: Partial<LeftMail> = {}): LeftMail => {
  const { sha256, raw: _, ...rest } = mail(text, { uid: 7, size: 100 });
  return { ...rest, fingerprint: sha256, code: 'mail_too_large', reason: 'It is larger than the limit.', ...more };
};

test('a mail that is left in the mailbox is recorded once, and looked at again when the limit allows it', async () => {
  expect(await recordLeft(t.db, INBOX, [left('a')])).toBe(1);
  expect(await recordLeft(t.db, INBOX, [left('a'), left('b', { uid: 8, size: 1_000 })])).toBe(1);
  expect(await rows('state, code')).toEqual([
    { state: 'quarantined', code: 'mail_too_large' },
    { state: 'quarantined', code: 'mail_too_large' },
  ]);
  const fits = async (mailBytes: number) =>
    Object.fromEntries((await leftMails(t.db, INBOX, mailBytes)).map(({ uid, fits }) => [uid, fits]));
  expect(await fits(99)).toEqual({ 7: false, 8: false });
  expect(await fits(100)).toEqual({ 7: true, 8: false });
  await recordLeft(t.db, INBOX, [left('c', { uid: 9, code: 'mail_unreadable' })]);
  expect(await fits(1_000)).toEqual({ 7: true, 8: true, 9: false });
  expect(await leftMails(t.db, { ...INBOX, uidValidity: 2 }, 1_000)).toEqual([]);
});

test('what is stored and not moved yet is found by its UID, until that names nothing any more', async () => {
  const { stored } = await store(INBOX, mail('a', { uid: 1 }), mail('b', { uid: 2 }));
  expect((await undisposed(t.db, INBOX, 10)).map(({ uid }) => uid).sort()).toEqual([1, 2]);
  await markDisposed(t.db, stored.slice(0, 1));
  expect(await undisposed(t.db, INBOX, 10)).toHaveLength(1);
  await forgetUids(t.db, INBOX);
  expect(await undisposed(t.db, INBOX, 10)).toHaveLength(1);
  await forgetUids(t.db, { ...INBOX, uidValidity: 2 });
  expect(await undisposed(t.db, INBOX, 10)).toEqual([]);
});

test('a mail is kept with all that its place and its header say, and in chunks of a quarter of a mebibyte', async () => {
  const CHUNK = 262_144;
  const receivedAt = new Date('2026-11-20T08:00:00Z');
  const of = (size: number, more: Partial<Arrival> = {}) => ({
    ...arrivalOf(Buffer.alloc(size, 'ab'), receivedAt),
    sender: 'noreply@example.net',
    subject: `Report ${size}`,
    messageId: `<${size}@example.net>`,
    ...more,
  });
  const sizes = [0, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1];
  const mails = sizes.map((size, n) => of(size, n === 1 ? { uid: 7, file: 'a.eml' } : {}));
  const { stored, known, keys } = await store({ mailbox: 'm', folder: null, uidValidity: null }, ...mails);
  expect({ stored, known }).toEqual({ stored: [...keys.values()].sort((a, b) => a - b), known: [] });
  expect([...keys.keys()].sort()).toEqual(mails.map(({ sha256 }) => sha256.toString('hex')).sort());
  const kept = await t.db.query(
    `select m.mailbox, m.folder, m.uid_validity, m.uid, m.received_at, m.sender, m.subject, m.message_id, m.size, m.file, m.state,
            m.sha256 = m.fingerprint as known_by_bytes, array_agg(r.plain_size order by r.n) as chunks, max(r.n) + 1 as n
       from ruawatch.messages m join ruawatch.raw r using (message_key) group by m.message_key order by m.size`,
  );
  const row = {
    mailbox: 'm',
    folder: null,
    uid_validity: null,
    uid: null,
    received_at: receivedAt,
    file: null,
    state: 'received',
  };
  expect(kept.rows).toEqual(
    sizes.map((size, n) => ({
      ...row,
      ...(n === 1 ? { uid: 7, file: 'a.eml' } : {}),
      sender: 'noreply@example.net',
      subject: `Report ${size}`,
      message_id: `<${size}@example.net>`,
      size,
      known_by_bytes: true,
      chunks: [[null], [CHUNK], [CHUNK, null], [CHUNK, CHUNK], [CHUNK, CHUNK, CHUNK - 1]][n],
      n: [1, 1, 2, 2, 3][n],
    })),
  );
  // Seen again elsewhere: some that are known, and one that is not.
  const again = await store(INBOX, of(0, { uid: 3 }), of(CHUNK, { uid: 4 }), of(5, { uid: 5 }));
  expect(again.stored).toHaveLength(1);
  expect(again.known.sort((a, b) => a - b)).toEqual(
    [mails[0]!, mails[1]!].map(({ sha256 }) => keys.get(sha256.toString('hex'))!).sort((a, b) => a - b),
  );
  expect(again.keys.size).toBe(3);
  expect(await store(INBOX)).toEqual({ stored: [], known: [], keys: new Map() });
});

test('many small chunks are all written, in several statements', async () => {
  const mails = Array.from({ length: 600 }, (_, n) => mail(`mail ${n}`));
  const { stored } = await store(INBOX, ...mails);
  expect(stored).toEqual([...stored].sort((a, b) => a - b));
  const { rows: chunks } = await t.db.query<{ n: number }>('select count(*)::int as n from ruawatch.raw where n = 0');
  expect([stored.length, chunks[0]!.n]).toEqual([600, 600]);
});
