import type { Queue, QueueOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf, PermanentError } from '../errors.ts';
import { library } from '../library.ts';
import { connectionSettings } from '../settings/postgres-url.ts';
import { QUEUE_SCHEMA } from './db.ts';
import type { QueueName } from './queue-jobs.ts';

export const bullmq = library('bullmq') as typeof import('bullmq');
const ioredis = library('ioredis') as typeof import('ioredis');

/** What ioredis says when it has no connection, whatever the reason. */
const ABOUT_THE_CLIENT = /^Reached the max retries per request limit|^Connection is closed|^Stream isn't writeable/;

/**
 * A connection on which a command is unanswered for so long is thrown away: TCP may be content with a server,
 * or something on the way, that answers nothing. Workers wait ten seconds for a job at the longest (BullMQ's
 * maximumBlockTimeout).
 */
const REDIS_SILENT_MS = 30_000;

const PROBE_SECONDS = 60;

export interface QueueSettings {
  redisUrl: string | null;
  databaseUrl: string;
  /** Prefix (Redis) or schema (Postgres) that keeps several installations apart. */
  namespace?: string;
  /**
   * False when the queue's tables exist already (store/schema/queue-schema.ts): then no right to create any
   * is needed.
   */
  migrate?: boolean;
  /** For tests, which cannot wait that long. */
  redisSilentMs?: number;
}

/** The server behind the queues and our connections to it: Redis, or BullMQ's own backend on Postgres. */
export class QueueBackend {
  readonly name: 'redis' | 'postgres';
  // The two factories differ in their connection's type only; which one is used is decided once, here.
  readonly factory: typeof bullmq.createRedisBackend;
  private readonly settings: QueueSettings;
  private readonly namespace: string;
  private readonly warn: (error: unknown) => void;
  private readonly connections: Redis[] = [];
  private readonly queues = new Map<QueueName, Queue>();
  /** The connection of the queue that was opened first. */
  private first: Redis | null = null;
  /** Why a connection to Redis failed last. */
  private refusal: Error | null = null;

  /** @param warn is given every error of a connection, also those that BullMQ reconnects from */
  constructor(settings: QueueSettings, warn: (error: unknown) => void) {
    this.settings = settings;
    this.warn = (error) => warn(this.causeOf(error));
    this.name = settings.redisUrl === null ? 'postgres' : 'redis';
    this.namespace = settings.namespace ?? (this.name === 'redis' ? 'ruawatch' : QUEUE_SCHEMA);
    this.factory = (
      this.name === 'redis' ? bullmq.createRedisBackend : bullmq.createPostgresBackend
    ) as typeof bullmq.createRedisBackend;
  }

  /**
   * The options of one queue or worker, with a connection of its own.
   * @param opened receives the Redis connections that are opened for it, now and later
   */
  options(forWorker: boolean, opened: Redis[] = []): QueueOptions {
    const options =
      this.name === 'redis'
        ? { connection: this.redis(forWorker, opened), prefix: this.namespace }
        : {
            connection: {
              application_name: 'ruawatch queue',
              ...connectionSettings(this.settings.databaseUrl),
              schema: this.namespace,
              migrate: this.settings.migrate ?? true,
              max: forWorker ? 4 : 2,
              // BullMQ's statements are short: one that is unanswered for this long is answered no more.
              connectionTimeoutMillis: 10_000,
              query_timeout: 30_000,
              keepAlive: true,
            },
          };
    return options as unknown as QueueOptions;
  }

  /** The queue of this name, opened when it is first used. */
  queue(name: QueueName): Queue {
    let queue = this.queues.get(name);
    if (!queue) {
      const opened: Redis[] = [];
      queue = new bullmq.Queue(name, this.options(false, opened) as never, this.factory as never);
      this.first ??= opened[0] ?? null;
      queue.on('error', this.warn);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /**
   * Whether Redis takes what jobs are made of: one that is full, a replica or without its disk answers and
   * changes nothing.
   */
  async write(): Promise<void> {
    if (this.name !== 'redis') return;
    this.queue('parse');
    await this.first!.set(`${this.namespace}:probe`, '', 'EX', PROBE_SECONDS);
  }

  /**
   * Closes a queue after a failure. BullMQ keeps a Postgres connection that failed while it was first opened
   * and would fail from then on: the next use opens a new one. Redis connections reconnect on their own.
   */
  forget(name: QueueName): void {
    const queue = this.queues.get(name);
    if (this.name === 'redis' || !queue) return;
    this.queues.delete(name);
    queue.close().catch(this.warn);
  }

  /** Closes all queues, waiting at most `ms` for each, then all connections. */
  async close(ms: number): Promise<void> {
    await Promise.allSettled([...this.queues.values()].map((queue) => within(ms, queue.close())));
    for (const connection of this.connections) connection.disconnect();
  }

  /**
   * What is wrong with the server. ioredis fails a command with a text about its own option, such as "Reached
   * the max retries per request limit"; the reason is the connection's last error.
   */
  causeOf(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    if (!ABOUT_THE_CLIENT.test(error.message)) return error;
    return this.refusal ?? new Error('the connection was closed');
  }

  private redis(forWorker: boolean, opened: Redis[]): Redis {
    const connection = new ioredis.Redis(this.settings.redisUrl!, {
      maxRetriesPerRequest: forWorker ? null : 1,
      enableReadyCheck: true,
      socketTimeout: this.settings.redisSilentMs ?? REDIS_SILENT_MS,
      retryStrategy: (times) => Math.min(1_000, 50 * times),
    });
    return this.track(connection, opened);
  }

  /** BullMQ duplicates the connections it is given, and the duplicates must be closed as well. */
  private track(connection: Redis, opened: Redis[]): Redis {
    connection.on('error', (error: Error) => {
      this.refusal = new Error(messageOf(error), { cause: error });
      this.warn(this.refusal);
    });
    this.connections.push(connection);
    opened.push(connection);
    const duplicate = connection.duplicate.bind(connection);
    connection.duplicate = (override) => this.track(duplicate(override), opened);
    return connection;
  }
}

/**
 * @throws PermanentError `queue_silent` when `work` has not ended after `ms`; it goes on, and what it throws
 *   then is ignored
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PermanentError('queue_silent', `The queue did not answer within ${ms / 1000} seconds.`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
