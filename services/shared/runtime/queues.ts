import { messageOf } from '../errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { QueueBackend, type QueueSettings, within } from './queue-backend.ts';
import { type Payload, QUEUE_NAMES, QUEUES, type QueueName } from './queue-jobs.ts';
import { type JobHandling, JobWorker } from './queue-worker.ts';
import { redisTrouble, refusesJobs } from './redis-trouble.ts';

const ADD_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 30_000;
/**
 * BullMQ emits every reconnect attempt as an error: one warning an outage is enough, one a minute where it
 * comes and goes.
 */
const WARN_EVERY_MS = 60_000;

export interface QueueWorker {
  /** Takes no new job and waits for the running ones. */
  drain(): Promise<void>;
}

export interface Queues {
  readonly backend: 'redis' | 'postgres';
  /**
   * Adds a wake-up. Returns false, after a warning in the log, when the queue cannot be reached within five
   * seconds: the row stays and the sweeper comes back to it.
   */
  add<N extends QueueName>(name: N, payload: Payload<N>): Promise<boolean>;
  /**
   * Works a queue. A job that fails for good calls `onDead`; transient errors are retried with exponential
   * back-off.
   */
  work<N extends QueueName>(name: N, handler: JobHandling<N>['handler'], options?: Omit<JobHandling<N>, 'handler'>): QueueWorker;
  /** @throws when the backend does not answer, or refuses jobs */
  check(): Promise<void>;
  counts(): Promise<Record<QueueName, Record<string, number>>>;
  /** The number of jobs that wait for a worker. @throws when the backend does not answer */
  waiting(name: QueueName): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens the queues: on Redis when `redisUrl` is set, else on the Postgres that holds the rows (BullMQ's own
 * PostgreSQL backend, in a schema of its own).
 */
export function createQueues(settings: QueueSettings, log: Log, metrics: Metrics): Queues {
  return new BackedQueues(settings, log, metrics);
}

class BackedQueues implements Queues {
  private readonly log: Log;
  private readonly metrics: Metrics;
  private readonly bullmq: QueueBackend;
  private readonly workers = new Set<{ close(ms: number): Promise<void> }>();
  private lastWarning = 0;
  private down = false;
  private closed = false;

  constructor(settings: QueueSettings, log: Log, metrics: Metrics) {
    this.log = log;
    this.metrics = metrics;
    this.bullmq = new QueueBackend(settings, (error) => this.warn(error));
  }

  get backend(): 'redis' | 'postgres' {
    return this.bullmq.name;
  }

  async add<N extends QueueName>(name: N, payload: Payload<N>): Promise<boolean> {
    const { payload: schema, jobId, attempts, backoffMs, delayMs } = QUEUES[name];
    const data = schema.parse(payload);
    const options = {
      jobId: jobId(data as never),
      attempts,
      backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
      delay: delayMs,
      removeOnComplete: true,
      removeOnFail: true,
    };
    try {
      this.answered(await within(ADD_TIMEOUT_MS, this.bullmq.queue(name).add(name, data, options)));
      return true;
    } catch (error) {
      this.warn(error);
      this.bullmq.forget(name);
      return false;
    }
  }

  work<N extends QueueName>(
    name: N,
    handler: JobHandling<N>['handler'],
    options: Omit<JobHandling<N>, 'handler'> = {},
  ): QueueWorker {
    const { bullmq: backend, log, metrics, workers } = this;
    const worker = new JobWorker(name, { ...options, handler }, { backend, log, metrics, warn: (error) => this.warn(error) });
    workers.add(worker);
    return {
      async drain() {
        if (!(await worker.drain())) workers.delete(worker);
      },
    };
  }

  async check(): Promise<void> {
    try {
      await this.countsOf('parse', 'waiting');
      await within(ADD_TIMEOUT_MS, this.bullmq.write());
    } catch (error) {
      this.bullmq.forget('parse');
      throw this.bullmq.causeOf(error);
    }
  }

  async waiting(name: QueueName): Promise<number> {
    try {
      return (await this.countsOf(name, 'waiting')).waiting ?? 0;
    } catch (error) {
      this.bullmq.forget(name);
      throw error;
    }
  }

  async counts(): Promise<Record<QueueName, Record<string, number>>> {
    const result = {} as Record<QueueName, Record<string, number>>;
    for (const name of QUEUE_NAMES) result[name] = await this.countsOf(name, 'waiting', 'active', 'delayed', 'failed');
    return result;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.workers].map((worker) => worker.close(CLOSE_TIMEOUT_MS)));
    await this.bullmq.close(ADD_TIMEOUT_MS);
    this.closed = true;
  }

  private async countsOf(name: QueueName, ...states: Parameters<ReturnType<QueueBackend['queue']>['getJobCounts']>) {
    try {
      return this.answered(await within(ADD_TIMEOUT_MS, this.bullmq.queue(name).getJobCounts(...states)));
    } catch (error) {
      throw this.bullmq.causeOf(error);
    }
  }

  private warn(error: unknown): void {
    // A connection that did not close in time ends with its server, and no work is left to resume.
    const level = this.closed || this.down || Date.now() - this.lastWarning < WARN_EVERY_MS ? 'debug' : 'warn';
    if (level === 'warn') this.lastWarning = Date.now();
    this.down = true;
    const cause = this.bullmq.causeOf(error);
    const who = this.backend === 'redis' ? redisTrouble(cause) : 'the queue on Postgres does not answer';
    const again = refusesJobs(cause) ? 'once it takes them' : 'once it does';
    this.log[level]({ err: messageOf(cause), backend: this.backend }, `${who}; work resumes from the rows ${again}`);
  }

  private answered<T>(value: T): T {
    if (this.down) this.log.debug({ backend: this.backend }, 'the queue answers again');
    this.down = false;
    return value;
  }
}
