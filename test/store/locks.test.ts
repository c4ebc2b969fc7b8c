import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTransient } from '../../services/shared/errors.ts';
import { type Tx, transaction } from '../../services/shared/runtime/db.ts';
import {
  lockDomain,
  lockDomains,
  lockIdentities,
  lockNamed,
  sessionsUsing,
  tryLockDomain,
  tryLockNamed,
} from '../../services/store/locks.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { waitsFor } from '../helpers/waits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ max: 4 });
});
afterAll(() => t.drop());

const waits = (first: (tx: Tx) => Promise<unknown>, second: (tx: Tx) => Promise<unknown>) =>
  waitsFor(t.db, first, () => transaction(t.db, second));

test('one identity is one transaction at a time, whatever else each has; others are free', async () => {
  expect(
    await waits(
      (tx) => lockIdentities(tx, ['aa', 'bb']),
      (tx) => lockIdentities(tx, ['bb', 'cc']),
    ),
  ).toBe(true);
  expect(
    await waits(
      (tx) => lockIdentities(tx, ['aa']),
      (tx) => lockIdentities(tx, ['cc']),
    ),
  ).toBe(false);
  expect((await t.db.query('select from ruawatch.identity_locks')).rowCount).toBe(0);
});

test('a domain that is taken is waited for by a command, and left alone by another analyzer', async () => {
  expect(
    await waits(
      (tx) => tryLockDomain(tx, 'example.com'),
      (tx) => lockDomain(tx, 'example.com'),
    ),
  ).toBe(true);
  await transaction(t.db, async (tx) => {
    expect(await tryLockDomain(tx, 'example.com')).toBe(true);
    expect(await transaction(t.db, (other) => tryLockDomain(other, 'example.com'))).toBe(false);
  });
});

test('the locks of the program exclude each other by name, and a missing one is an error', async () => {
  expect(
    await waits(
      (tx) => lockNamed(tx, 'compose'),
      (tx) => lockNamed(tx, 'compose'),
    ),
  ).toBe(true);
  expect(
    await waits(
      (tx) => lockNamed(tx, 'compose'),
      (tx) => lockNamed(tx, 'senders'),
    ),
  ).toBe(false);
  await transaction(t.db, async (tx) => {
    await tx.query("delete from ruawatch.locks where name = 'senders'");
    await expect(lockNamed(tx, 'senders')).rejects.toMatchObject({ code: 'lock_missing' });
    throw new Error('roll back');
  }).catch((error) => expect(error.message).toBe('roll back'));
});

test('a session with a transaction open on our tables is named', async () => {
  await transaction(t.db, async (tx) => {
    await tx.query('select from ruawatch.messages');
    expect(await sessionsUsing(t.db)).toEqual([expect.stringMatching(/ \(process \d+\)$/)]);
  });
});

describe('a session that fell silent does not keep a lock for hours', () => {
  const limit = async (tx: Tx) =>
    (await tx.query<{ is: string }>("select current_setting('idle_in_transaction_session_timeout') as is")).rows[0]!.is;

  test.each<[string, (tx: Tx) => Promise<unknown>]>([
    ['of the program', (tx) => lockNamed(tx, 'compose')],
    ['of the program that is free', (tx) => tryLockNamed(tx, 'apply')],
    ['of a domain', (tx) => lockDomain(tx, 'example.com')],
    ['of a domain that is free', (tx) => tryLockDomain(tx, 'example.com')],
    ['of several domains', (tx) => lockDomains(tx, ['example.com', 'b.example'])],
  ])('one %s', async (_, lock) => {
    for (const [before, after] of [
      ['0', '1min'],
      ['2h', '1min'],
      ['7s', '7s'],
      ['250ms', '250ms'],
    ]) {
      await transaction(t.db, async (tx) => {
        await tx.query(`set local idle_in_transaction_session_timeout = '${before}'`);
        await lock(tx);
        expect(await limit(tx)).toBe(after);
      });
    }
    // The next transaction of the connection has the limit of the server again.
    expect(await transaction(t.db, limit)).toBe('0');
  });

  test('the work that such a session lost is tried again', async () => {
    const lost = transaction(t.db, async (tx) => {
      await tx.query("set local idle_in_transaction_session_timeout = '50ms'");
      await lockNamed(tx, 'compose');
      await new Promise((resolve) => tx.once('error', resolve));
      await tx.query('select 1');
    });
    await expect(lost).rejects.toSatisfy(isTransient);
    await transaction(t.db, (tx) => lockNamed(tx, 'compose'));
  });
});
