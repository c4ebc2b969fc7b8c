import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isTransient } from '../../../services/shared/errors.ts';
import { type Db, openPool, transaction } from '../../../services/shared/runtime/db.ts';
import { type Watch, watchConnections } from '../../../services/store/schema/silent-connections.ts';
import { type Line, startProxy } from '../../chaos/proxy.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

/**
 * Much quicker than in production, but for the longest statement. The waits below are longer than the server
 * may be silent.
 */
const QUICK = { everyMs: 50, askAfterMs: 200, askMs: 500, silentMs: 800, longestMs: 60_000 };

let t: TestDatabase;
let line: Line;
let db: Db;
let watch: Watch;
let url: string;
beforeEach(async () => {
  t = await testDatabase({ empty: true });
  await t.db.query('create table kept (n integer)');
  const direct = new URL(t.url);
  line = await startProxy(Number(direct.port));
  direct.port = String(line.port);
  url = direct.href;
  db = openPool(url, { max: 1, name: 'watched' });
  watch = watchConnections(db, url, QUICK);
});
afterEach(async () => {
  watch.cut();
  await db.end();
  watch.stop();
  await line.stop();
  await t.drop();
});

const kept = async () => (await t.db.query('select n from kept order by n')).rows.map((row) => row.n);
const silent = { code: 'database_silent', transient: true };

test('a statement that a dead line swallows ends as a transient error, and the next one has a new connection', async () => {
  await db.query('select 1');
  line.swallow();
  const asked = performance.now();
  const error = await db.query('select 2').then(String, (failure: Error) => failure);
  expect(error).toMatchObject(silent);
  const [, seconds] = /has not answered for (\d+) seconds/.exec((error as Error).message)!;
  expect(Number(seconds) - 0.5).toBeLessThanOrEqual((performance.now() - asked) / 1000);
  line.heal();
  expect((await db.query('select 3 as n')).rows).toEqual([{ n: 3 }]);
});

test('so does a transaction: at a statement, at its commit, and in a COPY', async () => {
  const statement = transaction(db, async (tx) => {
    await tx.query('insert into kept values (1)');
    line.swallow();
    await tx.query('insert into kept values (2)');
  });
  await expect(statement).rejects.toSatisfy(isTransient);
  line.heal();
  const commit = transaction(db, async (tx) => {
    await tx.query('insert into kept values (3)');
    line.swallow();
  });
  await expect(commit).rejects.toMatchObject({ code: 'commit_unknown' });
  line.heal();
  const copy = transaction(db, async (tx) => {
    const stream = tx.query(copyFrom('copy kept from stdin'));
    async function* lines() {
      yield '4\n';
      line.swallow();
      yield '5\n';
    }
    await pipeline(Readable.from(lines()), stream);
  });
  await expect(copy).rejects.toSatisfy(isTransient);
  line.heal();
  await transaction(db, (tx) => tx.query('insert into kept values (6)'));
  expect(await kept()).toEqual([6]);
});

test('an answer that was lost on the way back is not waited for either, once the server can be asked', async () => {
  await db.query('select 1');
  line.swallow();
  const lost = db.query('select 2');
  // New connections pass, as after a firewall that forgot the old ones.
  line.heal();
  await expect(lost).rejects.toMatchObject(silent);
});

test('what the server is busy with may take long, and so may we', async () => {
  // What counts is what the server answers, not how soon: on a busy machine a new connection takes a while.
  watch.stop();
  watch = watchConnections(db, url, { ...QUICK, askMs: 30_000 });
  expect((await db.query('select 1 as n from pg_sleep(2)')).rows).toEqual([{ n: 1 }]);
  // A wait for a lock of somebody else.
  const holder = await t.db.connect();
  await holder.query('begin; lock table kept');
  const waiting = db.query('insert into kept values (1)');
  await wait(1_500);
  await holder.query('commit');
  holder.release();
  await waiting;
  // Idle in a transaction, as while a mail is sent; and a COPY whose lines take their time.
  await transaction(db, async (tx) => {
    await tx.query('insert into kept values (2)');
    await wait(1_500);
    const stream = tx.query(copyFrom('copy kept from stdin'));
    async function* lines() {
      yield '3\n';
      await wait(1_500);
      yield '4\n';
    }
    await pipeline(Readable.from(lines()), stream);
  });
  expect(await kept()).toEqual([1, 2, 3, 4]);
});

test('a statement that takes longer than any may is ended', async () => {
  watch.stop();
  watch = watchConnections(db, url, { ...QUICK, longestMs: 800 });
  // Only connections that it has seen open are watched.
  await db.query('select pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
  await expect(db.query('select pg_sleep(20)')).rejects.toMatchObject(silent);
});

test('a stop does not wait for long, and cutting ends everything', async () => {
  await db.query('select 1');
  const running = expect(db.query('select pg_sleep(20)')).rejects.toSatisfy(isTransient);
  watch.cut();
  await running;
});
