import { afterEach, expect, test } from 'vitest';
import { Checks } from '../../services/cli/doctor-checks.ts';
import { lookAtDatabase, lookAtQueue } from '../../services/cli/doctor-database.ts';
import { QUEUE_SCHEMA } from '../../services/shared/runtime/db.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { readMigrations } from '../../services/store/schema/migrate.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const NEWEST = readMigrations().length;
let t: TestDatabase;
afterEach(() => t?.drop());

/** What doctor says of the database, and of the queue in it. */
async function doctor(given: TestDatabase, env: Record<string, string> = {}) {
  t = given;
  const lines: string[] = [];
  const checks = new Checks((line) => lines.push(line));
  const config = loadConfig({ DATABASE_URL: t.url, ...env }, '/nonexistent');
  const looked = await lookAtDatabase(config, checks);
  const current = looked?.current ?? null;
  const database = lines.splice(0);
  await lookAtQueue(config, looked, checks);
  await looked?.close();
  return { database, queue: lines, current, failed: checks.failed };
}
const server = 'Postgres \\d+\\.\\d+, UTF8';
const mail = (state: string, n: number) =>
  t.db.query(
    "insert into ruawatch.messages (mailbox, received_at, size, fingerprint, state) select 'main', now(), 1, ($2 || n)::bytea, $1 from generate_series(1, $3::int) n",
    [state, state, n],
  );

test('one that is up to date is told with what it holds, and what nobody could read', async () => {
  t = await testDatabase();
  expect(await doctor(t)).toEqual({
    database: [expect.stringMatching(`^ok    database: ${server}; its schema is up to date; 0 messages stored, 0 waiting$`)],
    queue: ['ok    queue: on Postgres'],
    current: true,
    failed: false,
  });
  for (const [state, n] of [
    ['stored', 3],
    ['received', 2],
    ['quarantined', 1],
    ['failed', 4],
  ] as const)
    await mail(state, n);
  expect((await doctor(t)).database).toEqual([
    expect.stringMatching(
      /; 3 messages stored, 2 waiting, 5 quarantined or failed: ruawatch messages list --state quarantined failed$/,
    ),
  ]);
});

test('one without a schema, or with an older one, is noted with what start will do', async () => {
  const empty = await doctor(await testDatabase({ empty: true }));
  expect(empty).toMatchObject({
    database: [
      expect.stringMatching(
        `^--    database: ${server}; it has no schema yet: start \\(or ruawatch migrate\\) creates it, at version ${NEWEST}$`,
      ),
    ],
    queue: ['ok    queue: on Postgres; start creates its tables'],
    current: false,
    failed: false,
  });
  await t.drop();
  t = await testDatabase();
  await t.db.query('delete from ruawatch.migrations where version = $1', [NEWEST]);
  const older = await doctor(t);
  expect([older.current, older.failed]).toEqual([false, false]);
  expect(older.database).toEqual([
    expect.stringMatching(
      `its schema is at version ${NEWEST - 1}: start \\(or ruawatch migrate\\) brings it to version ${NEWEST} first, which does not lose data; back it up before$`,
    ),
  ]);
});

test('one of a newer program is a failure, and is not asked about', async () => {
  t = await testDatabase();
  await t.db.query('update ruawatch.migrations set version = version + 1 where version = $1', [NEWEST]);
  const { database, failed, current } = await doctor(t);
  expect(database).toEqual([
    `FAIL  database: The database schema is at version ${NEWEST + 1}, newer than this program's ${NEWEST}: run the newer ruawatch that created it.`,
  ]);
  expect([failed, current]).toEqual([true, null]);
});

test('a queue that is not there yet, or elsewhere, is told by itself', async () => {
  t = await testDatabase();
  await t.db.query(`drop schema ${QUEUE_SCHEMA} cascade`);
  expect((await doctor(t)).queue).toEqual(['ok    queue: on Postgres; start creates its tables']);
  const away = await doctor(t, { QUEUE_DATABASE_URL: 'postgres://127.0.0.1:1/x' });
  expect(away.queue).toEqual([expect.stringMatching(/^FAIL {2}queue: The database in QUEUE_DATABASE_URL cannot be reached/)]);
  const redis = await doctor(t, { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(redis.queue).toEqual([expect.stringMatching(/^FAIL {2}queue: /)]);
  expect([away.failed, redis.failed]).toEqual([true, true]);
});

test('a queue in a database that cannot be used is not looked at', async () => {
  t = await testDatabase();
  const { database, queue } = await doctor(t, { DATABASE_URL: `${t.url}_none` });
  expect(database).toEqual([expect.stringMatching(/^FAIL {2}database: The database in DATABASE_URL does not exist/)]);
  expect(queue).toEqual(['--    queue: on Postgres, in the database']);
});
