import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { isTransient, messageOf, TransientError } from '../errors.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { bullmq, type QueueBackend, within } from './queue-backend.ts';
import { type Payload, QUEUES, type QueueName } from './queue-jobs.ts';

/** How long a queue that may be down is given to acknowledge that its worker leaves. */
const LEAVE_TIMEOUT_MS = 5_000;

/** What becomes of the jobs of one queue. */
export interface JobHandling<N extends QueueName> {
  handler: (payload: Payload<N>, log: Log) => Promise<void>;
  /** Jobs handled at once in this process; one when it is not set. */
  concurrency?: number;
  /** Called for a job that will not be tried again, to record that on the rows it names. */
  onDead?: (payload: Payload<N>, error: Error) => Promise<void>;
}

export interface WorkerContext {
  backend: QueueBackend;
  log: Log;
  metrics: Metrics;
  warn: (error: unknown) => void;
}

/**
 * A BullMQ worker for one queue: transient errors are retried with exponential back-off, all others end the
 * job.
 */
export class JobWorker<N extends QueueName> {
  private readonly worker: Worker;
  private readonly running = new Set<Promise<void>>();
  private readonly connections: Redis[] = [];
  private readonly name: N;
  private readonly handling: JobHandling<N>;
  private readonly context: WorkerContext;

  constructor(name: N, handling: JobHandling<N>, context: WorkerContext) {
    this.name = name;
    this.handling = handling;
    this.context = context;
    const { backend, warn } = context;
    this.worker = new bullmq.Worker(
      name,
      (job) => this.handle(job),
      {
        ...backend.options(true, this.connections),
        concurrency: handling.concurrency ?? 1,
        lockDuration: 60_000,
        stalledInterval: 15_000,
        maxStalledCount: 5,
      } as never,
      backend.factory as never,
    );
    this.worker.on('error', warn);
    this.worker.on('failed', (job, error) => this.recordDeath(job, error));
  }

  /**
   * Takes no new job and waits for the running ones; what they did is committed. If the queue does not
   * acknowledge the worker's leaving within five seconds, its connections are cut.
   * @returns whether the queue acknowledged it
   */
  async drain(): Promise<boolean> {
    const closed = this.worker.close();
    while (this.running.size > 0) await Promise.allSettled(this.running);
    try {
      await within(LEAVE_TIMEOUT_MS, closed);
      return true;
    } catch (error) {
      this.context.warn(error);
      for (const connection of this.connections) connection.disconnect();
      return false;
    }
  }

  /** Closes the worker without waiting longer than `ms` for its jobs. */
  close(ms: number): Promise<void> {
    return within(ms, this.worker.close());
  }

  private async handle(job: Job): Promise<void> {
    const { name } = this;
    const { metrics } = this.context;
    const payload = QUEUES[name].payload.safeParse(job.data);
    if (!payload.success) throw new bullmq.UnrecoverableError(`the job does not fit queue ${name}: ${payload.error.message}`);
    const log = this.context.log.child({ queue: name, job: job.id });
    const end = metrics.jobSeconds.startTimer({ queue: name });
    try {
      const work = this.handling.handler(payload.data as Payload<N>, log);
      this.running.add(work);
      await work.finally(() => this.running.delete(work));
      metrics.jobs.inc({ queue: name, outcome: 'done' });
    } catch (error) {
      const retry = isTransient(error);
      log.warn({ err: messageOf(error), retry, attempt: job.attemptsMade + 1 }, 'the job failed');
      metrics.jobs.inc({ queue: name, outcome: retry ? 'retried' : 'failed' });
      if (retry) throw error;
      throw Object.assign(new bullmq.UnrecoverableError(messageOf(error)), { cause: error });
    } finally {
      end();
    }
  }

  private recordDeath(job: Job | undefined, error: Error): void {
    const { onDead } = this.handling;
    if (!job || !onDead) return;
    const { payload: schema, attempts } = QUEUES[this.name];
    const dead = error.name === 'UnrecoverableError' || job.attemptsMade >= attempts;
    const payload = schema.safeParse(job.data);
    if (!dead || !payload.success) return;
    onDead(payload.data as Payload<N>, deathOf(error)).catch((cause: unknown) => {
      this.context.log.error(
        { queue: this.name, job: job.id, err: messageOf(cause) },
        'a failed job could not be recorded; the sweeper will try its rows again',
      );
    });
  }
}

/**
 * Why a job will not be tried again: the error its handler threw, which BullMQ was given as the cause; or
 * that BullMQ gave the job up because its workers died or lost their lock on it. The latter is no fault of
 * the job's rows, so it is transient.
 */
export function deathOf(error: Error): Error {
  if (error.cause instanceof Error) return error.cause;
  const givenUp = error.name === 'UnrecoverableError' && error.cause === undefined;
  return givenUp
    ? new TransientError('job_stalled', `The queue gave the job up (${messageOf(error)}); its rows wait for the sweeper.`)
    : error;
}
