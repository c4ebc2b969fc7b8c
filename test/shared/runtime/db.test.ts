import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isTransient } from '../../../services/shared/errors.ts';
import { openPool, transaction, within } from '../../../services/shared/runtime/db.ts';
import { startProxy } from '../../chaos/proxy.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
let db: ReturnType<typeof openPool>;
beforeEach(async () => {
  t = await testDatabase({ empty: true });
  // One client: whatever is handed back is what the next one gets.
  db = openPool(t.url, { max: 1, name: 'one client' });
  await t.db.query('create table kept (n integer)');
});
afterEach(async () => {
  await db.end();
  await t.drop();
});

/** Ends the connection of the pool from outside, as a restart of the server does. */
const cut = (pid: number) => t.db.query('select pg_terminate_backend($1, 5000)', [pid]);
const pidOf = async (of: { query: typeof db.query }) => (await of.query('select pg_backend_pid() as pid')).rows[0].pid as number;

test('a client whose connection broke is thrown away: the next transaction works', async () => {
  const failed = transaction(db, async (tx) => {
    await tx.query('insert into kept values (1)');
    await cut(await pidOf(tx as never));
    await tx.query('select 1');
  });
  await expect(failed).rejects.toSatisfy(isTransient);
  expect(db.totalCount).toBe(0);
  await transaction(db, (tx) => tx.query('insert into kept values (2)'));
  expect((await t.db.query('select n from kept')).rows).toEqual([{ n: 2 }]);
});

test('a connection that breaks behind the back of the work is not handed on either', async () => {
  const result = transaction(db, async (tx) => {
    const pid = await pidOf(tx as never);
    const lost = new Promise((resolve) => tx.once('error', resolve));
    await cut(pid);
    await lost;
    return 'done';
  });
  // It cannot be committed any more, and whether it was is not known.
  await expect(result).rejects.toMatchObject({ code: 'commit_unknown', transient: true });
  expect(db.totalCount).toBe(0);
  expect(await transaction(db, async () => 'works')).toBe('works');
});

test('what the work throws is rolled back, and its client is as good as before', async () => {
  const before = await pidOf(db);
  const failed = transaction(db, async (tx) => {
    await tx.query('insert into kept values (3)');
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect((await t.db.query('select n from kept')).rows).toEqual([]);
  expect(await pidOf(db)).toBe(before);
});

test('a refusal at the commit itself is told as one that may have gone through', async () => {
  await t.db.query('alter table kept add constraint late unique (n) deferrable initially deferred');
  const failed = transaction(db, async (tx) => {
    await tx.query('insert into kept values (4), (4)');
  });
  await expect(failed).rejects.toMatchObject({ code: 'commit_unknown' });
});

test('a pool has eight connections, or as many as it is given', async () => {
  for (const [options, max] of [[{}, 8] as const, [{ max: 3 }, 3] as const]) {
    const pool = openPool(t.url, options);
    expect(pool.options.max).toBe(max);
    await pool.end();
  }
});

test('whatever a failed rollback throws, the client is closed with an error', async () => {
  const gone = new Error('gone');
  for (const [thrown, message] of [
    [gone, 'gone'],
    ['a text', 'a text'],
  ] as const) {
    const released: unknown[] = [];
    const client = {
      on: () => undefined,
      off: () => undefined,
      query: async (sql: string) => {
        if (sql === 'rollback') throw thrown;
      },
      release: (error: unknown) => void released.push(error),
    };
    const work = transaction({ connect: async () => client } as never, async () => {
      throw new Error('the work');
    });
    await expect(work).rejects.toThrow('the work');
    expect(released).toEqual([expect.any(Error)]);
    expect((released[0] as Error).message).toBe(message);
  }
});

test('a client whose time is over is closed with the reason; one that keeps its time is not', async () => {
  const work = async (ms: number | null, takes: Promise<void>) => {
    const told: unknown[] = [];
    let fail: (error: Error) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const client = {
      on: (event: string) => void told.push(`on ${event}`),
      off: (event: string) => void told.push(`off ${event}`),
      end: () => {
        told.push('end');
        fail(new Error('Connection terminated'));
      },
      release: (error: unknown) => void told.push(error),
    };
    const result = within({ connect: async () => client } as never, ms, () => Promise.race([takes, ended]));
    return [await result.catch((error: Error) => error.message), told];
  };
  const never = new Promise<void>(() => undefined);
  const late = expect.objectContaining({
    code: 'late',
    transient: true,
    message: 'the database took longer than 20 milliseconds',
  });
  expect(await work(20, never)).toEqual(['Connection terminated', ['on error', 'end', 'off error', late]]);
  for (const ms of [null, 60_000])
    expect(await work(ms, Promise.resolve())).toEqual([undefined, ['on error', 'off error', undefined]]);
});

test('what waits on a line that fell silent ends when its time is over, and gives its place back', async () => {
  const line = await startProxy(Number(new URL(t.url).port));
  const url = new URL(t.url);
  url.port = String(line.port);
  const through = openPool(url.href, { max: 1 });
  try {
    expect(await within(through, 5_000, async (q) => (await q.query('select 1 as n')).rows)).toEqual([{ n: 1 }]);
    line.swallow();
    await expect(within(through, 100, (q) => q.query('select 1'))).rejects.toThrow();
    line.heal();
    await within(through, 5_000, (q) => q.query('select 1'));
    line.swallow();
    await expect(transaction(through, (tx) => tx.query('insert into kept values (4)'), { withinMs: 100 })).rejects.toThrow();
    line.heal();
    await transaction(through, (tx) => tx.query('insert into kept values (5)'), { withinMs: 5_000 });
    expect((await t.db.query('select n from kept')).rows).toEqual([{ n: 5 }]);
  } finally {
    await line.stop();
    await through.end();
  }
});

test('no connection of a pool compiles its statements, not even the second one', async () => {
  const two = openPool(t.url, { max: 2 });
  const clients = [await two.connect(), await two.connect()];
  try {
    for (const client of clients) expect((await client.query('show jit')).rows).toEqual([{ jit: 'off' }]);
  } finally {
    for (const client of clients) client.release();
    await two.end();
  }
});

test('a server that falls silent right after the log-in costs no longer than a log-in may take', async () => {
  const server = new URL(t.url);
  const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5]);
  const line = createServer((near) => {
    const far = connect(Number(server.port), '127.0.0.1');
    far.on('data', (bytes) => {
      near.write(bytes);
      if (bytes.includes(readyForQuery)) near.unpipe(far).resume();
    });
    near.pipe(far);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  const { port } = line.address() as AddressInfo;
  const late = openPool(t.url.replace(`:${server.port}/`, `:${port}/`), { max: 1, connectMs: 300 });
  try {
    await expect(late.query('select 1')).rejects.toSatisfy(isTransient);
    expect(late.totalCount).toBe(0);
  } finally {
    await late.end();
    line.close();
  }
});
