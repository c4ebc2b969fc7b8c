import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { holdLease, type Lease } from '../../services/poller/lease.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { contextFor, mailboxAt, type TestContext, until } from './setup.ts';

let t: TestDatabase;
let context: TestContext;
let mailbox: Mailbox;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(() => {
  mailbox = mailboxAt('imap://a@example.org:b@127.0.0.1:1/INBOX?tls=none');
  context = contextFor(t, [mailbox]);
  return () => context.close();
});
const hold = (owner: string, ms: number) => holdLease(t.db, mailbox, { owner, leaseMs: ms, log: context.log });
const row = async () =>
  (
    await t.db.query(
      `select lease_owner as owner, extract(epoch from lease_until - clock_timestamp())::float8 * 1000 as ms, addresses
         from ruawatch.mailboxes where mailbox = $1`,
      [mailbox.name],
    )
  ).rows[0];
const set = (what: string) => t.db.query(`update ruawatch.mailboxes set ${what} where mailbox = $1`, [mailbox.name]);
const isLost = (lease: Lease) => {
  try {
    lease.check();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'lease_lost', transient: true, message: expect.stringContaining(mailbox.name) });
    return true;
  }
};

test('one holds it; given back, the next has it at once', async () => {
  const lease = (await hold('a', 60_000))!;
  expect(lease).toMatchObject({ owner: 'a', state: { folder: 'INBOX', uidValidity: null, lastUid: 0 } });
  expect(isLost(lease)).toBe(false);
  expect(await hold('b', 60_000)).toBe(null);
  expect((await row()).ms).toBeGreaterThan(50_000);
  await lease.release();
  expect(await row()).toMatchObject({ owner: null, ms: null });
  const next = (await hold('b', 60_000))!;
  expect(next.owner).toBe('b');
  await next.release();
});

test('it is renewed for longer than it lasts, and no more when it was given back', async () => {
  const lease = (await hold('a', 1_200))!;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(isLost(lease)).toBe(false);
  expect(lease.signal.aborted).toBe(false);
  expect((await row()).ms).toBeGreaterThan(0);
  await lease.release();
  await set("lease_owner = 'a', lease_until = clock_timestamp() + interval '1 hour'");
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect((await row()).ms).toBeGreaterThan(3_000_000);
});

test('another took it: the signal aborts at the next renewal, and it is told once', async () => {
  const lease = (await hold('a', 2_000))!;
  await set("lease_owner = 'b', lease_until = clock_timestamp() + interval '1 hour'");
  await until('it is lost', () => lease.signal.aborted);
  expect(isLost(lease)).toBe(true);
  expect(isLost(lease)).toBe(true);
  expect(context.logged().match(/the lease on the mailbox is lost/g)).toHaveLength(1);
  expect(context.logged()).toContain('another poller took it');
  await lease.release();
  // It is not given back by whom it was taken from.
  expect((await row()).owner).toBe('b');
});

test('a lease that is lost is not renewed any more, whoever has it then', async () => {
  const lease = (await hold('a', 1_000))!;
  await set("lease_owner = 'b'");
  await until('it is lost', () => lease.signal.aborted);
  await set("lease_owner = 'a', lease_until = clock_timestamp() + interval '1 hour'");
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect((await row()).ms).toBeGreaterThan(3_000_000);
  await lease.release();
});

test('a release waits for the renewal under way, one at a time, so that nothing extends the lease behind it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const done: string[] = [];
    const renewals: (() => void)[] = [];
    const db = {
      query: async (sql: string, ...args: unknown[]) => {
        const what = /lease_owner = null/.test(sql) ? 'released' : /lease_until >= /.test(sql) ? 'renewed' : 'taken';
        if (what === 'renewed') await new Promise<void>((resolve) => renewals.push(resolve));
        const answer = await t.db.query(sql, args[0] as unknown[]);
        done.push(what);
        return answer;
      },
    };
    const lease = (await holdLease(db as never, mailbox, { owner: 'a', leaseMs: 60_000, log: context.log }))!;
    expect(done).toEqual(['taken', 'taken']);
    vi.advanceTimersByTime(30_000);
    await until('it is being renewed', () => renewals.length > 0);
    expect(renewals).toHaveLength(1);
    const released = lease.release();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toEqual(['taken', 'taken']);
    renewals[0]!();
    await released;
    expect(done).toEqual(['taken', 'taken', 'renewed', 'released']);
  } finally {
    vi.useRealTimers();
  }
});

test('it cannot be renewed: it holds as long as it was good for on this side, and not longer', async () => {
  const lease = (await hold('a', 1_500))!;
  const begun = performance.now();
  await t.db.query('alter table ruawatch.mailboxes rename to mailboxes_away');
  try {
    await until('a renewal fails', () => context.logged().includes('could not be renewed yet'));
    if (performance.now() - begun < 1_200) expect(isLost(lease)).toBe(false);
    await until('it is lost', () => lease.signal.aborted);
    expect(performance.now() - begun).toBeGreaterThan(1_400);
    expect(isLost(lease)).toBe(true);
    expect(isLost(lease)).toBe(true);
    expect(context.logged().match(/it could not be renewed in time/g)).toHaveLength(1);
  } finally {
    await t.db.query('alter table ruawatch.mailboxes_away rename to mailboxes');
  }
  await lease.release();
});

test('it counts from when it was asked for: an answer that takes too long is a lease that is over, whoever looks first', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const slow = {
      query: async (...args: [string, unknown[]]) => {
        const answer = await t.db.query(...args);
        vi.advanceTimersByTime(args[0].startsWith('update') ? 1_000 : 0);
        return answer;
      },
    };
    const late = (await holdLease(slow as never, mailbox, { owner: 'a', leaseMs: 1_000, log: context.log }))!;
    expect(isLost(late)).toBe(true);
    expect(late.signal.aborted).toBe(true);
    await late.release();
    const good = (await holdLease(slow as never, mailbox, { owner: 'a', leaseMs: 1_001, log: context.log }))!;
    expect(isLost(good)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(isLost(good)).toBe(true);
    await good.release();
  } finally {
    vi.useRealTimers();
  }
});
