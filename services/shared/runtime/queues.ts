import { createHash } from 'node:crypto';
import type { Queue, QueueOptions, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { isTransient, messageOf, PermanentError, TransientError } from '../errors.ts';
import { library } from '../library.ts';
import { connectionSettings } from '../settings/postgres-url.ts';
import { QUEUE_SCHEMA } from './db.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

const bullmq = library('bullmq') as typeof import('bullmq');
const ioredis = library('ioredis') as typeof import('ioredis');

/**
 * Every queue of the program: what its jobs carry, how often they retry, and how their ids are made.
 * A job carries keys of rows, never the work itself: the row is the truth, the job a wake-up, and a sweeper adds a new one for a
 * row whose job went missing. So a queue may be emptied at any time, and adding a job may fail without losing anything.
 */
const QUEUES = {
  /** Messages in state `received`, to be parsed. */
  parse: {
    payload: z.strictObject({ messages: z.array(z.number().int().positive()).min(1).max(1000) }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 0,
    /** First and last key and a digest of all: the same batch has the same id, however often it is added. */
    jobId: (p: { messages: number[] }) => `parse-${p.messages[0]}-${p.messages.at(-1)}-${digest(p.messages)}`,
  },
  /** Messages with rows in trust_checks: whether their reports come from whom they say. */
  verify: {
    payload: z.strictObject({ messages: z.array(z.number().int().positive()).min(1).max(1000) }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 0,
    jobId: (p: { messages: number[] }) => `verify-${p.messages[0]}-${p.messages.at(-1)}-${digest(p.messages)}`,
  },
  /** Domains with rows in analysis_work. Delayed a little, so that a burst of batches is judged once. */
  analyze: {
    payload: z.strictObject({ domains: z.array(z.string()).min(1).max(1000) }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 1_000,
    jobId: (p: { domains: string[] }) => `analyze-${digest(p.domains)}`,
  },
  /** Findings with events that nobody was told of yet. */
  alert: {
    payload: z.strictObject({ findings: z.array(z.number().int().positive()).min(1).max(1000) }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 500,
    jobId: (p: { findings: number[] }) => `alert-${digest(p.findings)}`,
  },
} as const;

export type QueueName = keyof typeof QUEUES;
export type Payload<N extends QueueName> = z.infer<(typeof QUEUES)[N]['payload']>;
export const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[];

function digest(keys: readonly (number | string)[]): string {
  return createHash('sha256').update(JSON.stringify(keys)).digest('hex').slice(0, 16);
}

export interface WorkerHooks {
  /** How many jobs at once in this process. */
  concurrency?: number;
  /** The job will not be tried again: record it on the rows it named. */
  onDead?: (payload: never, error: Error) => Promise<void>;
}

export interface QueueWorker {
  /** Takes no new job, waits for the running ones. */
  drain(): Promise<void>;
}

export interface Queues {
  readonly backend: 'redis' | 'postgres';
  /**
   * Adds a wake-up. Answers false, after a warning in the log, when the queue cannot be reached within five seconds:
   * the row stays and the sweeper comes back to it.
   */
  add<N extends QueueName>(name: N, payload: Payload<N>): Promise<boolean>;
  /** Works a queue. A job that fails for good calls `onDead`; transient errors retry with exponential back-off. */
  work<N extends QueueName>(
    name: N,
    handler: (payload: Payload<N>, log: Log) => Promise<void>,
    options?: { concurrency?: number; onDead?: (payload: Payload<N>, error: Error) => Promise<void> },
  ): QueueWorker;
  /** @throws when the backend does not answer */
  check(): Promise<void>;
  counts(): Promise<Record<QueueName, Record<string, number>>>;
  /** How many jobs wait for a worker. @throws when the backend does not answer */
  waiting(name: QueueName): Promise<number>;
  close(): Promise<void>;
}

export interface QueueSettings {
  redisUrl: string | null;
  databaseUrl: string;
  /** Prefix (Redis) or schema (Postgres) that keeps several installations apart. */
  namespace?: string;
  /** False when the queue's tables have been prepared (store/schema/queue-schema.ts): then no right to make any is needed. */
  migrate?: boolean;
}

const ADD_TIMEOUT_MS = 5_000;
/** How long a queue that may be gone is given to hear that its worker leaves. */
const LEAVE_TIMEOUT_MS = 5_000;

/**
 * Opens the queues: on Redis when `redisUrl` is set, else on the Postgres that holds the rows (BullMQ's own PostgreSQL backend, in
 * a schema of its own).
 */
export function createQueues(settings: QueueSettings, log: Log, metrics: Metrics): Queues {
  const backend = settings.redisUrl === null ? 'postgres' : 'redis';
  const namespace = settings.namespace ?? (backend === 'redis' ? 'ruawatch' : QUEUE_SCHEMA);
  const connections: Redis[] = [];
  const queues = new Map<QueueName, Queue>();
  const workers = new Set<Worker>();
  let lastWarning = 0;

  /** BullMQ emits every reconnect attempt as an error: say it once a minute. */
  const warn = (error: unknown) => {
    if (Date.now() - lastWarning < 60_000) return;
    lastWarning = Date.now();
    log.warn({ err: messageOf(error), backend }, 'the queue does not answer; work goes on from the rows when it is back');
  };

  /** BullMQ makes copies of the connections it is given, and none of them may outlive us. */
  const track = (connection: Redis, mine: Redis[]): Redis => {
    connection.on('error', warn);
    connections.push(connection);
    mine.push(connection);
    const copy = connection.duplicate.bind(connection);
    connection.duplicate = (override) => track(copy(override), mine);
    return connection;
  };

  const redis = (forWorker: boolean, mine: Redis[]): Redis => {
    const connection = new ioredis.Redis(settings.redisUrl!, {
      maxRetriesPerRequest: forWorker ? null : 1,
      enableReadyCheck: true,
      retryStrategy: (times) => Math.min(1_000, 50 * times),
    });
    return track(connection, mine);
  };

  const options = (forWorker: boolean, mine: Redis[] = []): QueueOptions =>
    (backend === 'redis'
      ? { connection: redis(forWorker, mine), prefix: namespace }
      : {
          connection: {
            ...connectionSettings(settings.databaseUrl),
            schema: namespace,
            migrate: settings.migrate ?? true,
            max: forWorker ? 4 : 2,
            application_name: 'ruawatch queue',
          },
        }) as unknown as QueueOptions;
  // The two factories differ in their connection's type only; which one is used is decided once, here.
  const factory = (
    backend === 'redis' ? bullmq.createRedisBackend : bullmq.createPostgresBackend
  ) as typeof bullmq.createRedisBackend;

  const queueOf = (name: QueueName): Queue => {
    let queue = queues.get(name);
    if (!queue) {
      queue = new bullmq.Queue(name, options(false) as never, factory as never);
      queue.on('error', warn);
      queues.set(name, queue);
    }
    return queue;
  };

  /**
   * BullMQ remembers a connection that failed while it was first opened, and would fail for good: the next use opens a new one.
   * On Redis connections mend themselves.
   */
  const forget = (name: QueueName): void => {
    const queue = queues.get(name);
    if (backend === 'redis' || !queue) return;
    queues.delete(name);
    queue.close().catch(warn);
  };

  return {
    backend,
    async add(name, payload) {
      const spec = QUEUES[name];
      const data = spec.payload.parse(payload);
      try {
        await within(
          ADD_TIMEOUT_MS,
          queueOf(name).add(name, data, {
            jobId: spec.jobId(data as never),
            attempts: spec.attempts,
            backoff: { type: 'exponential', delay: spec.backoffMs, jitter: 0.5 },
            delay: spec.delayMs,
            removeOnComplete: true,
            removeOnFail: true,
          }),
        );
        return true;
      } catch (error) {
        warn(error);
        forget(name);
        return false;
      }
    },

    work(name, handler, hooks = {}) {
      const spec = QUEUES[name];
      const running = new Set<Promise<void>>();
      const mine: Redis[] = [];
      const worker = new bullmq.Worker(
        name,
        async (job) => {
          const payload = spec.payload.safeParse(job.data);
          if (!payload.success)
            throw new bullmq.UnrecoverableError(`the job does not fit queue ${name}: ${payload.error.message}`);
          const jobLog = log.child({ queue: name, job: job.id });
          const end = metrics.jobSeconds.startTimer({ queue: name });
          try {
            const work = handler(payload.data as never, jobLog);
            running.add(work);
            await work.finally(() => running.delete(work));
            metrics.jobs.inc({ queue: name, outcome: 'done' });
          } catch (error) {
            const retry = isTransient(error);
            jobLog.warn({ err: messageOf(error), retry, attempt: job.attemptsMade + 1 }, 'the job failed');
            metrics.jobs.inc({ queue: name, outcome: retry ? 'retried' : 'failed' });
            if (retry) throw error;
            throw Object.assign(new bullmq.UnrecoverableError(messageOf(error)), { cause: error });
          } finally {
            end();
          }
        },
        {
          ...options(true, mine),
          concurrency: hooks.concurrency ?? 1,
          lockDuration: 60_000,
          stalledInterval: 15_000,
          maxStalledCount: 5,
        } as never,
        factory as never,
      );
      worker.on('error', warn);
      worker.on('failed', (job, error) => {
        if (!job || !hooks.onDead) return;
        const dead =
          error instanceof bullmq.UnrecoverableError || error.name === 'UnrecoverableError' || job.attemptsMade >= spec.attempts;
        const payload = spec.payload.safeParse(job.data);
        if (!dead || !payload.success) return;
        hooks.onDead(payload.data as never, deathOf(error)).catch((cause: unknown) => {
          log.error(
            { queue: name, job: job.id, err: messageOf(cause) },
            'a dead job could not be recorded; the sweeper will try its rows again',
          );
        });
      });
      workers.add(worker);
      return {
        async drain() {
          const closed = worker.close();
          // What is under way ends in any case, and is committed. That the job is done, the queue may not hear any more.
          while (running.size > 0) await Promise.allSettled(running);
          try {
            await within(LEAVE_TIMEOUT_MS, closed);
          } catch (error) {
            warn(error);
            workers.delete(worker);
            for (const connection of mine) connection.disconnect();
          }
        },
      };
    },

    async check() {
      await within(ADD_TIMEOUT_MS, queueOf('parse').getJobCounts('waiting'));
    },

    async waiting(name) {
      try {
        return (await within(ADD_TIMEOUT_MS, queueOf(name).getJobCounts('waiting'))).waiting ?? 0;
      } catch (error) {
        forget(name);
        throw error;
      }
    },

    async counts() {
      const result = {} as Record<QueueName, Record<string, number>>;
      for (const name of QUEUE_NAMES) {
        result[name] = await within(ADD_TIMEOUT_MS, queueOf(name).getJobCounts('waiting', 'active', 'delayed', 'failed'));
      }
      return result;
    },

    async close() {
      await Promise.allSettled([...workers].map((w) => within(30_000, w.close())));
      await Promise.allSettled([...queues.values()].map((q) => within(ADD_TIMEOUT_MS, q.close())));
      for (const connection of connections) connection.disconnect();
    },
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PermanentError('queue_silent', `The queue did not answer within ${ms / 1000} seconds.`)),
      ms,
    );
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What a job died of: what its handler threw, which BullMQ is handed as the cause; or that BullMQ gave it up by itself, because its workers
 * died or lost their hold of it. The latter says nothing against the job's rows: waiting may mend it.
 */
export function deathOf(error: Error): Error {
  if (error.cause instanceof Error) return error.cause;
  const own = error.name === 'UnrecoverableError' && error.cause === undefined;
  return own
    ? new TransientError('job_stalled', `The queue gave the job up (${messageOf(error)}); its rows wait for the sweeper.`)
    : error;
}
