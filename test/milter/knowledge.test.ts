import { afterAll, beforeAll, expect, test } from 'vitest';
import { StoredNames } from '../../services/milter/knowledge.ts';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { startProxy } from '../chaos/proxy.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const TIMES = { answerMs: 1_000, downMs: 60_000 };
let database: TestDatabase;
/** One connection: what is asked at once waits. */
let db: Db;
beforeAll(async () => {
  database = await testDatabase({ empty: true });
  db = openPool(database.url, { max: 1 });
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

test('a mail that the database has no time for comes again, and the next ones are asked about', async () => {
  const names = new StoredNames(db, [], undefined, TIMES);
  const sleep = (seconds: number) => names.asked((q) => q.query('select pg_sleep($1)', [seconds]));
  // The connection is there before the times count.
  await sleep(0);
  const [first, second] = await Promise.allSettled([sleep(0.6), sleep(0.6)]);
  expect(first.status).toBe('fulfilled');
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'store_busy' } });
  await sleep(0);
});

test('a database that answers nobody is left alone, and keeps no connection of the pool', async () => {
  const url = new URL(database.url);
  const line = await startProxy(Number(url.port));
  url.port = String(line.port);
  const through = openPool(url.href, { max: 1 });
  try {
    const names = new StoredNames(through, [], undefined, { answerMs: 800, downMs: 0 });
    const ask = () => names.asked((q) => q.query('select 1'));
    await ask();
    await new Promise((resolve) => setTimeout(resolve, 900));
    line.swallow();
    await expect(ask()).rejects.toMatchObject({ code: 'store_away' });
    line.heal();
    await ask();
  } finally {
    await line.stop();
    await through.end();
  }
});
