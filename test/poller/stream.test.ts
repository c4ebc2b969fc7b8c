import { randomBytes } from 'node:crypto';
import type { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HEAD_BYTES } from '../../services/poller/imap-commands.ts';
import { holdLease, type Lease } from '../../services/poller/lease.ts';
import type { Session } from '../../services/poller/session-context.ts';
import { streamMail } from '../../services/poller/stream.ts';
import { CHUNK_BYTES } from '../../services/store/messages/raw-chunks.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { contextFor, mailboxAt, rawOf, rowsOf, sha256, type TestContext } from './setup.ts';

const MAIL_BYTES = 4 * 1024 * 1024;
const mailbox = mailboxAt('imap://demo:x@127.0.0.1:1/INBOX?tls=none');
const place = { mailbox: mailbox.name, folder: 'INBOX', uidValidity: 7 };

let t: TestDatabase;
let context: TestContext;
let lease: Lease;
let heads: Buffer[];
/** How often the session was said to move. */
let turns: number;
beforeEach(async () => {
  t = await testDatabase();
  context = contextFor(t, [mailbox]);
  lease = (await holdLease(t.db, mailbox, { owner: 'a', leaseMs: 60_000, log: context.log }))!;
  heads = [];
  turns = 0;
});
afterEach(async () => {
  await lease.release();
  await context.close();
  await t.drop();
});

/**
 * Streams a mail that a server hands out in parts of at most `most` bytes; it is deleted after `until` bytes.
 */
function stream(raw: Buffer, { uid = 1, most = 1e9, until = Number.POSITIVE_INFINITY } = {}) {
  const client = {
    fetchOne: async (_: string, { source: { start, maxLength } }: { source: { start: number; maxLength: number } }) =>
      start >= until ? false : { source: raw.subarray(start, start + Math.min(most, maxLength)) },
  } as unknown as ImapFlow;
  const connection = { client } as Session['connection'];
  const session = { context, mailbox, connection, lease, turned: () => void turns++ } as unknown as Session;
  const describe = (head: Buffer) => {
    heads.push(head);
    return { uid, receivedAt: new Date(0), sender: null, subject: 's', messageId: null, size: 0 };
  };
  return streamMail(session, place, uid, { mailBytes: MAIL_BYTES, describe });
}
const chunks = async () => (await t.db.query<{ n: number }>('select count(*)::int as n from ruawatch.raw')).rows[0]!.n;

test.each([
  ['a multiple of a chunk', 8 * CHUNK_BYTES, 1e9],
  ['a byte more', 8 * CHUNK_BYTES + 1, 1e9],
  ['short parts, which end within chunks', 3 * CHUNK_BYTES - 1, 100_000],
  ['less than a chunk', 10, 1e9],
])('%s: the bytes are the same, in full chunks and a rest', async (_, size, most) => {
  const raw = randomBytes(size);
  const stored = await stream(raw, { most });
  expect(stored).toEqual({ kind: 'stored', key: expect.any(Number) });
  const { bytes, pieces } = await rawOf(t, (stored as { key: number }).key);
  expect(bytes.equals(raw)).toBe(true);
  const full = Array.from({ length: Math.floor(size / CHUNK_BYTES) }, () => CHUNK_BYTES);
  expect(pieces).toEqual(size % CHUNK_BYTES === 0 ? full : [...full, size % CHUNK_BYTES]);
  expect(heads.map((head) => head.equals(raw.subarray(0, HEAD_BYTES)))).toEqual([true]);
  expect(await rowsOf(t, mailbox)).toMatchObject([{ size, subject: 's', sha256: sha256(raw) }]);
  const { rows } = await t.db.query<{ n: number }>('select n from ruawatch.raw order by n');
  expect(rows.map(({ n }) => n)).toEqual(pieces.map((_, i) => i));
  expect(turns).toBe(Math.ceil(size / Math.min(most, 1024 * 1024)));
});

test('what is gone, at once or on the way, or has no byte, leaves nothing', async () => {
  const raw = randomBytes(3 * 1024 * 1024);
  expect(await stream(raw, { until: 0 })).toEqual({ kind: 'gone' });
  expect(await stream(raw, { until: 2 * 1024 * 1024 })).toEqual({ kind: 'gone' });
  expect(await stream(Buffer.alloc(0))).toEqual({ kind: 'gone' });
  expect([await chunks(), await rowsOf(t, mailbox), heads]).toEqual([0, [], []]);
});

test('a mail over the limit is not stored, whatever size was announced; one of just the limit is', async () => {
  const raw = randomBytes(MAIL_BYTES + 1);
  expect(await stream(raw)).toEqual({ kind: 'too_large', size: MAIL_BYTES + 1 });
  expect([await chunks(), heads]).toEqual([0, []]);
  expect(await stream(raw.subarray(0, MAIL_BYTES))).toMatchObject({ kind: 'stored' });
});

test('the same bytes again are known, and the mail is found where it was seen last', async () => {
  const raw = randomBytes(CHUNK_BYTES + 5);
  const { key } = (await stream(raw)) as { key: number };
  const before = await chunks();
  expect(await stream(raw, { uid: 2 })).toEqual({ kind: 'known', keys: [key] });
  expect(await chunks()).toBe(before);
  expect(await rowsOf(t, mailbox)).toMatchObject([{ message_key: key, uid: 2 }]);
});

test('a poller whose lease another has stores nothing, before and during the transfer', async () => {
  const raw = randomBytes(CHUNK_BYTES);
  await t.db.query("update ruawatch.mailboxes set lease_owner = 'b' where mailbox = $1", [mailbox.name]);
  await expect(stream(raw)).rejects.toMatchObject({ code: 'lease_lost' });
  const held = lease;
  lease = {
    ...held,
    check() {
      throw new Error('the lease is lost');
    },
  };
  await expect(stream(raw)).rejects.toThrow('the lease is lost');
  lease = held;
  expect([await chunks(), await rowsOf(t, mailbox)]).toEqual([0, []]);
});

test('what breaks the connection is not taken for a mail that is gone', async () => {
  const broken = Buffer.alloc(10);
  broken.subarray = () => {
    throw new Error('reset');
  };
  await expect(stream(broken)).rejects.toThrow('reset');
});
