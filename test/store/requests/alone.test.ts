import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep } from '../../../services/shared/clock.ts';
import { isTransient } from '../../../services/shared/errors.ts';
import { whileAlone } from '../../../services/store/requests/alone.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const never = new AbortController().signal;
const nothing = async () => undefined;

test('one works at a time, for each lock', async () => {
  await whileAlone(t.db, async () => {
    expect(await whileAlone(t.db, nothing)).toBe(false);
    expect(await whileAlone(t.db, nothing, 'grants')).toBe(true);
  });
  expect(await whileAlone(t.db, nothing)).toBe(true);
});

test('a holder that works for longer than it may be idle keeps the lock', async () => {
  const work = async (lost: AbortSignal) => {
    await sleep(700, never);
    expect(lost.aborted).toBe(false);
    expect(await whileAlone(t.db, nothing)).toBe(false);
  };
  expect(await whileAlone(t.db, work, 'apply', { idleMs: 300, signMs: 20 })).toBe(true);
});

test('one of which nothing is heard loses it to another, and is told when it asks', async () => {
  const work = async () => {
    while (!(await whileAlone(t.db, nothing))) await sleep(20, never);
  };
  const silent = whileAlone(t.db, work, 'apply', { idleMs: 100, signMs: 60_000 });
  await expect(silent).rejects.toSatisfy(isTransient);
});

test('one whose session ends begins nothing more', async () => {
  const work = async (lost: AbortSignal) => {
    await t.db.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
    );
    while (!lost.aborted) await sleep(10, never);
  };
  await expect(whileAlone(t.db, work, 'apply', { idleMs: 60_000, signMs: 10 })).rejects.toSatisfy(isTransient);
  expect(await whileAlone(t.db, nothing)).toBe(true);
});
