import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StoredNames } from '../../services/milter/knowledge.ts';
import { PermanentError } from '../../services/shared/errors.ts';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
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
  expect(second).toMatchObject({
    status: 'rejected',
    reason: { code: 'store_busy', message: 'the database took longer than 1 seconds' },
  });
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

describe('own domains and people', () => {
  let names: StoredNames;
  let now = 0;
  let known: TestDatabase;
  const ADA = { name: 'Ada Lovelace', addresses: ['ada@private.example'] };
  beforeAll(async () => {
    known = await testDatabase({ own: false });
    const { db } = known;
    await putOwn(db, ['example.net', 'example.com'], 'listed', { now: new Date(), ignored: false });
    await db.query(
      `insert into ruawatch.people (name, role, created_at, created_by, ended_at)
       select name, 'viewer', now(), 'test', case when name = 'has.left' then now() end
         from unnest($1::text[]) as name`,
      [['grace.hopper@example.com', 'alan_mathison-turing+x', 'root', '.root', 'has.left']],
    );
    names = new StoredNames(db, [ADA], () => now);
  });
  afterAll(() => known.drop());

  const OWN = {
    own: ['example.com', 'example.net'],
    people: [ADA, { name: 'alan mathison turing x', addresses: [] }, { name: 'grace hopper', addresses: [] }],
  };

  test('are those of the settings, and those who sign in with several words', async () => {
    expect(await names.own()).toEqual(OWN);
  });

  test('are remembered for half a minute', async () => {
    await known.db.query("delete from ruawatch.people where name like 'alan%'");
    now = 29_999;
    expect(await names.own()).toEqual(OWN);
    now = 30_000;
    expect(await names.own()).toEqual({ ...OWN, people: [OWN.people[0], OWN.people[2]] });
  });

  test('are asked for beside what is known about an author', async () => {
    expect(await names.about({ names: ['x.example'], author: [], source: null }, new Date())).toEqual({
      lookalikes: [],
      contacted: [],
      settled: [],
      source_class: null,
    });
  });
});

test('after a failure nothing is asked for a while, but for one that is an answer', async () => {
  let now = 0;
  const names = new StoredNames(db, [], () => now);
  const asked: number[] = [];
  const ask = (outcome: unknown) =>
    names
      .asked(async () => {
        asked.push(now);
        if (outcome instanceof Error) throw outcome;
        return outcome;
      })
      .catch((error: Error & { code?: string }) => `${error.code ?? ''} ${error.message}`);
  expect(await ask(1)).toBe(1);
  expect(await ask(new PermanentError('refused', 'No.'))).toBe('refused No.');
  expect(await ask(2)).toBe(2);
  expect(await ask(new Error('it broke'))).toBe(' it broke');
  now = 4_999;
  expect(await ask(3)).toBe('store_away the database failed a moment ago');
  now = 5_000;
  expect(await ask(4)).toBe(4);
  expect(asked).toEqual([0, 0, 0, 0, 5_000]);
});
