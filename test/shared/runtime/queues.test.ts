import { type AddressInfo, connect, createServer } from 'node:net';
import { UnrecoverableError, type Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { messageOf, PermanentError, TransientError } from '../../../services/shared/errors.ts';
import { createLog, type Log } from '../../../services/shared/runtime/log.ts';
import { createMetrics, type Metrics } from '../../../services/shared/runtime/metrics.ts';
import { QueueBackend } from '../../../services/shared/runtime/queue-backend.ts';
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

/** A log that notes each line: its level, what it was given, and what it says. */
function notedLog() {
  const lines: unknown[][] = [];
  const at = (bound: object): object => ({
    ...Object.fromEntries(
      ['debug', 'info', 'warn', 'error'].map((level) => [
        level,
        (given: object, says: string) => void lines.push([level, { ...bound, ...given }, says]),
      ]),
    ),
    child: (more: object) => at({ ...bound, ...more }),
  });
  return { log: at({}) as Log, lines };
}

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
    const open = (log: Log = createLog('silent')) => {
      metrics = createMetrics();
      queues = createQueues(
        { redisUrl: redis?.url ?? null, databaseUrl: database.url, namespace: `queue_test_${process.pid}_${n}` },
        log,
        metrics,
      );
      return queues;
    };
    /** Of each outcome of the jobs, how many had it; and how many jobs' times are known. */
    const counted = async () => {
      const outcomes = (await metrics.jobs.get()).values.map(({ labels, value }) => [labels.queue, labels.outcome, value]);
      const times = (await metrics.jobSeconds.get()).values.find(({ metricName }) => metricName?.endsWith('_count'));
      return [...outcomes, [times?.labels.queue, 'timed', times?.value]];
    };
    /** What BullMQ works the queue with. */
    const workerOf = () => [...(queues as unknown as { workers: Set<{ worker: Worker }> }).workers][0]!.worker;
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
      expect([(await queues.counts()).parse, await queues.waiting('parse'), await queues.waiting('verify')]).toEqual([
        { waiting: 2, active: 0, delayed: 0, failed: 0 },
        2,
        0,
      ]);
      const got: number[][] = [];
      queues.work('parse', async ({ messages }) => void got.push(messages));
      await until(() => got.length === 2);
      await until(async () => (await queues.counts()).parse.active === 0);
      await queues.add('parse', { messages: [7, 8] });
      await until(() => got.length === 3);
    });

    test('a permanent error is not retried, and is handed to onDead', async () => {
      const { log, lines } = notedLog();
      open(log);
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
      const job = { queue: 'parse', job: expect.stringMatching(/^parse-11-11-[0-9a-f]{16}$/) };
      expect(lines).toEqual([['warn', { ...job, err: 'It cannot work.', retry: false, attempt: 1 }, 'the job failed']]);
      expect(await counted()).toEqual([
        ['parse', 'failed', 1],
        ['parse', 'timed', 1],
      ]);
    });

    test('a transient error is retried with back-off until it works', async () => {
      const { log, lines } = notedLog();
      open(log);
      let runs = 0;
      queues.work('parse', async () => {
        runs++;
        if (runs < 3) throw new TransientError('later', 'Not yet.');
      });
      await queues.add('parse', { messages: [12] });
      await until(async () => (await metrics.jobs.get()).values.some((v) => v.labels.outcome === 'done'));
      expect(runs).toBe(3);
      const failed = { queue: 'parse', job: expect.any(String), err: 'Not yet.', retry: true };
      expect(lines).toEqual([1, 2].map((attempt) => ['warn', { ...failed, attempt }, 'the job failed']));
      expect(await counted()).toEqual([
        ['parse', 'retried', 2],
        ['parse', 'done', 1],
        ['parse', 'timed', 3],
      ]);
    });

    test('a job that does not fit its queue ends at once: no handler sees it, and it names no rows to record', async () => {
      open();
      const seen: unknown[] = [];
      queues.work('parse', async (payload) => void seen.push(payload), {
        onDead: async (payload) => void seen.push(['dead', payload]),
      });
      const failed = new Promise<Error>((resolve) => workerOf().on('failed', (_, error) => resolve(error)));
      const { bullmq } = queues as unknown as { bullmq: QueueBackend };
      await bullmq.queue('parse').add('parse', { messages: [] }, { attempts: 8 });
      expect(await failed).toMatchObject({
        name: 'UnrecoverableError',
        message: expect.stringMatching(/^the job does not fit queue parse: /),
      });
      expect(seen).toEqual([]);
    });

    test('a death is recorded once the tries are used up or the job was given up; that it could not be is said', async () => {
      const { log, lines } = notedLog();
      open(log);
      const dead: unknown[] = [];
      queues.work('parse', async () => undefined, {
        onDead: async (payload, error) => {
          dead.push([payload, error]);
          if (error.message === 'unrecordable') throw new Error('the rows are locked');
        },
      });
      const worker = workerOf();
      const fail = (job: object | undefined, error: Error) => worker.emit('failed', job as never, error, 'active');
      const job = (attemptsMade: number, messages = [5]) => ({ id: 'j', attemptsMade, data: { messages } });
      const [away, over] = [new TransientError('away', 'Away.'), new PermanentError('over', 'Over.')];
      const unrecoverable = (cause?: Error) => Object.assign(new UnrecoverableError('stalled too often'), cause && { cause });
      fail(undefined, away);
      fail(job(7), away);
      fail(job(8, []), away);
      expect(dead).toEqual([]);
      fail(job(8), away);
      fail(job(9), away);
      fail(job(1), unrecoverable(over));
      fail(job(1), unrecoverable());
      const stalled = expect.objectContaining({
        code: 'job_stalled',
        transient: true,
        message: 'The queue gave the job up (stalled too often); its rows wait for the sweeper.',
      });
      expect(dead).toEqual([away, away, over, stalled].map((error) => [{ messages: [5] }, error]));
      expect(lines).toEqual([]);
      fail(job(8), new Error('unrecordable'));
      await until(() => lines.length > 0);
      expect(lines).toEqual([
        [
          'error',
          { queue: 'parse', job: 'j', err: 'the rows are locked' },
          'a failed job could not be recorded; the sweeper will try its rows again',
        ],
      ]);
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

describe('the connections of a queue', () => {
  const settings = { redisUrl: null, databaseUrl: 'postgres://u:p@127.0.0.1:1/rows' };
  const optionsOf = (more: object, forWorker: boolean) =>
    new QueueBackend({ ...settings, ...more }, () => undefined).options(forWorker) as unknown as { connection: object };

  test('to Postgres end what is unanswered, and a worker has more of them', () => {
    expect(optionsOf({}, false).connection).toMatchObject({
      application_name: 'ruawatch queue',
      host: '127.0.0.1',
      database: 'rows',
      schema: 'ruawatch_queue',
      migrate: true,
      max: 2,
      connectionTimeoutMillis: 10_000,
      query_timeout: 30_000,
      keepAlive: true,
    });
    expect(optionsOf({ migrate: false, namespace: 'n' }, true).connection).toMatchObject({
      schema: 'n',
      migrate: false,
      max: 4,
    });
  });

  test('to Redis are thrown away after half a minute of silence, and tried again after at most a second', async () => {
    for (const [forWorker, silent, retries] of [
      [false, undefined, 1],
      [true, 7_000, null],
    ] as const) {
      const warned: unknown[] = [];
      const given = { ...settings, redisUrl: 'redis://127.0.0.1:1/0', redisSilentMs: silent };
      const backend = new QueueBackend(given as never, (error) => void warned.push(error));
      expect(backend.causeOf(new Error('Connection is closed.'))).toEqual(new Error('the connection was closed'));
      const options = backend.options(forWorker) as unknown as { connection: unknown; prefix: string };
      const { options: opened } = options.connection as Redis;
      expect(opened).toMatchObject({
        maxRetriesPerRequest: retries,
        enableReadyCheck: true,
        socketTimeout: silent ?? 30_000,
      });
      expect([1, 2, 20, 21].map((times) => opened.retryStrategy!(times))).toEqual([50, 100, 1_000, 1_000]);
      expect(options.prefix).toBe('ruawatch');
      await until(() => warned.length > 0);
      expect(messageOf(warned[0])).toBe('nothing listens at 127.0.0.1:1 (ECONNREFUSED)');
      expect(warned).toContain(backend.causeOf(new Error('Reached the max retries per request limit (which is 1).')));
      for (const other of ['a text', new Error('another')]) expect(backend.causeOf(other)).toBe(other);
      await backend.close(1_000);
    }
  });
});
