import { messageOf } from '../errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { QueueBackend, type QueueSettings, within } from './queue-backend.ts';
import { type Payload, QUEUE_NAMES, QUEUES, type QueueName } from './queue-jobs.ts';
import { type JobHandling, JobWorker } from './queue-worker.ts';

const ADD_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 30_000;
/** BullMQ emits every reconnect attempt as an error: one warning a minute is enough. */
const WARN_EVERY_MS = 60_000;

export interface QueueWorker {
  /** Takes no new job and waits for the running ones. */
  drain(): Promise<void>;
}

export interface Queues {
  readonly backend: 'redis' | 'postgres';
  /**
   * Adds a wake-up. Returns false, after a warning in the log, when the queue cannot be reached within five seconds:
   * the row stays and the sweeper comes back to it.
   */
  add<N extends QueueName>(name: N, payload: Payload<N>): Promise<boolean>;
  /** Works a queue. A job that fails for good calls `onDead`; transient errors are retried with exponential back-off. */
  work<N extends QueueName>(name: N, handler: JobHandling<N>['handler'], options?: Omit<JobHandling<N>, 'handler'>): QueueWorker;
  /** @throws when the backend does not answer */
  check(): Promise<void>;
  counts(): Promise<Record<QueueName, Record<string, number>>>;
  /** The number of jobs that wait for a worker. @throws when the backend does not answer */
  waiting(name: QueueName): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens the queues: on Redis when `redisUrl` is set, else on the Postgres that holds the rows (BullMQ's own PostgreSQL
 * backend, in a schema of its own).
 */
export function createQueues(settings: QueueSettings, log: Log, metrics: Metrics): Queues {
  let lastWarning = 0;
  const warn = (error: unknown) => {
    if (Date.now() - lastWarning < WARN_EVERY_MS) return;
    lastWarning = Date.now();
    log.warn(
      { err: messageOf(error), backend: backend.name },
      'the queue does not answer; work resumes from the rows once it does',
    );
  };
  const backend = new QueueBackend(settings, warn);
  const workers = new Set<{ close(ms: number): Promise<void> }>();
  const countsOf = (name: QueueName, ...states: Parameters<ReturnType<QueueBackend['queue']>['getJobCounts']>) =>
    within(ADD_TIMEOUT_MS, backend.queue(name).getJobCounts(...states));

  return {
    backend: backend.name,
    async add(name, payload) {
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
        await within(ADD_TIMEOUT_MS, backend.queue(name).add(name, data, options));
        return true;
      } catch (error) {
        warn(error);
        backend.forget(name);
        return false;
      }
    },

    work(name, handler, options = {}) {
      const worker = new JobWorker(name, { ...options, handler }, { backend, log, metrics, warn });
      workers.add(worker);
      return {
        async drain() {
          if (!(await worker.drain())) workers.delete(worker);
        },
      };
    },

    async check() {
      await countsOf('parse', 'waiting');
    },

    async waiting(name) {
      try {
        return (await countsOf(name, 'waiting')).waiting ?? 0;
      } catch (error) {
        backend.forget(name);
        throw error;
      }
    },

    async counts() {
      const result = {} as Record<QueueName, Record<string, number>>;
      for (const name of QUEUE_NAMES) result[name] = await countsOf(name, 'waiting', 'active', 'delayed', 'failed');
      return result;
    },

    async close() {
      await Promise.allSettled([...workers].map((worker) => worker.close(CLOSE_TIMEOUT_MS)));
      await backend.close(ADD_TIMEOUT_MS);
    },
  };
}
