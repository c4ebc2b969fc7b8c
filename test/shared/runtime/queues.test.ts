import { type AddressInfo, connect, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { messageOf, PermanentError, TransientError } from '../../../services/shared/errors.ts';
import { createLog } from '../../../services/shared/runtime/log.ts';
import { createMetrics, type Metrics } from '../../../services/shared/runtime/metrics.ts';
import type { QueueBackend } from '../../../services/shared/runtime/queue-backend.ts';
import { createQueues, type Queues } from '../../../services/shared/runtime/queues.ts';
import { redisTrouble } from '../../../services/shared/runtime/redis-trouble.ts';
import { startProxy } from '../../chaos/proxy.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { type RedisServer, redisProgram, startRedis, until } from '../../helpers/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const backends = [
  { backend: 'postgres' as const, present: true },
  { backend: 'redis' as const, present: redisProgram !== null },
];

describe.each(backends)('queues on $backend', ({ backend, present }) => {
  describe.skipIf(!present)(present ? 'with a real server' : 'SKIPPED: redis-server is not installed', () => {
    let redis: RedisServer | null = null;
    let queues: Queues;
    let metrics: Metrics;
    let n = 0;
    beforeAll(async () => {
      if (backend === 'redis') redis = await startRedis();
    });
    afterAll(() => redis?.stop());
    const open = () => {
      metrics = createMetrics();
      queues = createQueues(
        { redisUrl: redis?.url ?? null, databaseUrl: database.url, namespace: `queue_test_${process.pid}_${n}` },
        createLog('silent'),
        metrics,
      );
      return queues;
    };
    afterEach(async () => {
      n++;
      await queues.close();
    });

    test('a job reaches a worker with its payload', async () => {
      open();
      const got: number[][] = [];
      queues.work('parse', async ({ messages }) => void got.push(messages));
      expect(await queues.add('parse', { messages: [1, 2, 3] })).toBe(true);
      await until(() => got.length === 1);
      expect(got).toEqual([[1, 2, 3]]);
      expect(queues.backend).toBe(backend);
    });

    test('the same batch added again while it waits is one job; after it is done it may come again', async () => {
      open();
      for (let i = 0; i < 5; i++) await queues.add('parse', { messages: [7, 8] });
      await queues.add('parse', { messages: [9] });
      expect((await queues.counts()).parse.waiting).toBe(2);
      const got: number[][] = [];
      queues.work('parse', async ({ messages }) => void got.push(messages));
      await until(() => got.length === 2);
      await until(async () => (await queues.counts()).parse.active === 0);
      await queues.add('parse', { messages: [7, 8] });
      await until(() => got.length === 3);
    });

    test('a permanent error is not retried, and is handed to onDead', async () => {
      open();
      let runs = 0;
      const dead: unknown[] = [];
      queues.work(
        'parse',
        async () => {
          runs++;
          throw new PermanentError('nope', 'It cannot work.');
        },
        { onDead: async (payload, error) => void dead.push([payload, error.message]) },
      );
      await queues.add('parse', { messages: [11] });
      await until(() => dead.length === 1);
      expect(dead).toEqual([[{ messages: [11] }, 'It cannot work.']]);
      expect(runs).toBe(1);
    });

    test('a transient error is retried with back-off until it works', async () => {
      open();
      let runs = 0;
      queues.work('parse', async () => {
        runs++;
        if (runs < 3) throw new TransientError('later', 'Not yet.');
      });
      await queues.add('parse', { messages: [12] });
      await until(async () => (await metrics.jobs.get()).values.some((v) => v.labels.outcome === 'done'));
      expect(runs).toBe(3);
    });

    test('draining waits for the running job and takes no other', async () => {
      open();
      let started = 0;
      let ended = 0;
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const worker = queues.work('parse', async () => {
        started++;
        await held;
        ended++;
      });
      await queues.add('parse', { messages: [13] });
      await until(() => started === 1);
      await queues.add('parse', { messages: [14] });
      const drained = worker.drain();
      release();
      await drained;
      expect([started, ended]).toEqual([1, 1]);
      expect((await queues.counts()).parse.waiting).toBe(1);
    });

    test('a payload that does not fit its schema is refused when it is added', async () => {
      open();
      await expect(queues.add('parse', { messages: [] })).rejects.toThrow();
      await expect(queues.add('analyze', { domains: ['a'], more: 1 } as never)).rejects.toThrow();
    });
  });
});

test('a connection that ends after the queues were closed is no outage: nothing is left to resume', async () => {
  const lines: string[] = [];
  const log = Object.assign(createLog('silent'), { warn: (_: object, line: string) => void lines.push(line) });
  const namespace = `queue_closed_${process.pid}`;
  const queues = createQueues({ redisUrl: null, databaseUrl: database.url, namespace }, log, createMetrics());
  await queues.add('parse', { messages: [1] });
  const { bullmq } = queues as unknown as { bullmq: QueueBackend };
  const queue = bullmq.queue('parse');
  await queues.close();
  // What the driver tells of a server that stops before it has read that the connection is given up: when
  // that happens is a matter of microseconds.
  const stopped = Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
  queue.emit('error', stopped);
  expect(lines).toEqual([]);
});

test('a queue first used while Postgres is away works once it is back', async () => {
  const server = new URL(database.url);
  let up = false;
  const proxy = createServer((socket) => {
    if (!up) return void socket.destroy();
    const upstream = connect(Number(server.port), server.hostname);
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) {
      end.on('error', () => {
        socket.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = new URL(database.url);
  url.port = String((proxy.address() as AddressInfo).port);
  const settings = { redisUrl: null, databaseUrl: url.href, namespace: `away_${process.pid}` };
  const queues = createQueues(settings, createLog('silent'), createMetrics());
  expect(await queues.add('analyze', { domains: ['example.com'] })).toBe(false);
  up = true;
  await until(() => queues.add('analyze', { domains: ['example.com'] }));
  expect((await queues.counts()).analyze).toMatchObject({ delayed: 1 });
  await queues.close();
  await new Promise((resolve) => proxy.close(resolve));
});

describe.skipIf(redisProgram === null)(
  `Redis that goes away${redisProgram === null ? ' (SKIPPED: redis-server is not installed)' : ''}`,
  () => {
    test.each([
      ['is full', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0'], 'Redis has reached its maxmemory'],
      ['is a replica', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one'], 'Redis is a replica, which changes nothing'],
    ])('a Redis that %s is no queue, although it answers', async (_, change, back, said) => {
      const server = await startRedis();
      const queues = createQueues({ redisUrl: server.url, databaseUrl: '' }, createLog('silent'), createMetrics());
      const admin = new Redis(server.url);
      await queues.check();
      await admin.call(change[0]!, ...change.slice(1));
      const error = await queues.check().catch((thrown: unknown) => thrown);
      expect([messageOf(error), redisTrouble(error)]).toEqual([said, 'Redis refuses jobs at the address in REDIS_URL']);
      await admin.call(back[0]!, ...back.slice(1));
      await queues.check();
      admin.disconnect();
      await queues.close();
      await server.stop();
    });

    test('adding answers false instead of hanging, and works again when Redis is back, empty', async () => {
      const redis = await startRedis();
      const queues = createQueues({ redisUrl: redis.url, databaseUrl: database.url }, createLog('silent'), createMetrics());
      const got: number[][] = [];
      queues.work('parse', async ({ messages }) => void got.push(messages));
      await queues.add('parse', { messages: [1] });
      await until(() => got.length === 1);
      const back = redis.restart(1_500);
      expect(await queues.add('parse', { messages: [2] })).toBe(false);
      await back;
      await until(() => queues.add('parse', { messages: [3] }));
      await until(() => got.some((m) => m[0] === 3));
      await queues.close();
      await redis.stop();
    });
  },
);

test.skipIf(redisProgram === null)(
  `a worker whose connections to Redis fall silent gets new ones, and goes on${redisProgram ? '' : ' (SKIPPED: needs redis-server)'}`,
  { timeout: 60_000 },
  async () => {
    const redis = await startRedis();
    const line = await startProxy(Number(new URL(redis.url).port));
    const queues = createQueues(
      // A worker waits five seconds for a job before it asks again.
      { redisUrl: `redis://127.0.0.1:${line.port}/0`, databaseUrl: database.url, redisSilentMs: 7_000 },
      createLog('silent'),
      createMetrics(),
    );
    const got: number[][] = [];
    queues.work('parse', async ({ messages }) => void got.push(messages));
    await queues.add('parse', { messages: [1] });
    await until(() => got.length === 1);
    line.swallow();
    expect(await queues.add('parse', { messages: [2] })).toBe(false);
    line.heal();
    // As the sweeper does.
    await until(async () => (await queues.add('parse', { messages: [3] })) && got.some(([n]) => n === 3));
    await queues.close();
    await line.stop();
    await redis.stop();
  },
);
