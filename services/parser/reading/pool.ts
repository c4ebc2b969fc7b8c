import { availableParallelism } from 'node:os';
import type { Limits } from '../../report/limits.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { Inspected } from '../verify/origin.ts';
import { keysFrom, type LargePiece, type MoreKeys, type ReadResult } from './protocol.ts';
import type { TrustSettings } from './read.ts';
import { SharedLock } from './shared-lock.ts';
import type { Answer, Task } from './thread.ts';
import { type Budgets, type Stopped, Thread } from './thread-handle.ts';

export type { Stopped } from './thread-handle.ts';

/** Reads mails and turns them into what the database takes. One per process. */
export interface Readers {
  /** Keeps a message that killed workers from being parsed beside others. */
  readonly lock: SharedLock;
  /**
   * One result for each mail, in order.
   * @param more gives report keys; called only between two results
   * @param trust how the mails' authors are established; without it they are not
   */
  small(raws: readonly Buffer[], more: MoreKeys, trust?: TrustSettings): AsyncGenerator<ReadResult | 'large' | Stopped>;
  /** The pieces of one mail, in order. @param more as above, called between two pieces */
  large(raw: Buffer, more: MoreKeys, trust?: TrustSettings): AsyncGenerator<LargePiece | Stopped>;
  /** What a mail's header and signatures say about its author. @param at when it arrived */
  inspect(raw: Buffer, at: Date, trust: Config['trust']): Promise<Inspected | Stopped>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/**
 * Readers by the settings: threads with budgets, or this thread (`parser.isolate: false`, for a debugger).
 * @param patience milliseconds that a job waits for a busy thread while there are so many
 */
export function openReaders(config: Pick<Config, 'parser' | 'limits'>, patience?: (threads: number) => number): Readers {
  const limits = config.limits as Partial<Limits>;
  return config.parser.isolate ? new ReaderPool(config.parser, limits, patience) : readInThisThread(limits);
}

/**
 * Reads in this thread, where nothing can stop a mail that hangs. The reader takes 10 MB, so it is loaded for
 * the first mail.
 */
export function readInThisThread(limits: Partial<Limits>): Readers {
  return {
    lock: new SharedLock(),
    async *small(raws, more, trust) {
      const { readSmall } = await import('./read.ts');
      const keyOf = keysFrom(more);
      for (const raw of raws) yield await readSmall(raw, { limits, keyOf, trust });
    },
    async *large(raw, more, trust) {
      const { readLarge } = await import('./read.ts');
      yield* readLarge(raw, { limits, keyOf: keysFrom(more), trust });
    },
    async inspect(raw, at, trust) {
      const { inspect } = await import('./read.ts');
      return inspect(raw, at.getTime(), trust);
    },
    close: async () => undefined,
  };
}

/**
 * How long a job waits for a busy thread before another thread is started. It is longer than the first batch
 * of a new thread takes, which runs before anything is compiled. A second thread compiles everything again
 * and holds 50 MB of its own. Where no core is left for it (one is for the thread that writes), it gains
 * nothing, and only helps when a mail holds up the first.
 */
const PATIENCE_MS = 1_000;
const PATIENCE_WITHOUT_CORE_MS = 10_000;
export const patienceOf = (threads: number, cores = availableParallelism()): number =>
  threads < cores - 1 ? PATIENCE_MS : PATIENCE_WITHOUT_CORE_MS;

/**
 * One thread per job at a time, started when it is first needed. A thread that exceeds its budget of time or
 * heap on a mail is terminated, whatever it is doing; the mail is reported as stopped, and a new thread goes
 * on with the next one. The memory of buffers outside the heap is bounded by the limits of reading.
 */
class ReaderPool implements Readers {
  readonly lock = new SharedLock();
  private readonly budgets: Budgets;
  private readonly limits: Partial<Limits>;
  private idle: Thread[] = [];
  private readonly all = new Set<Thread>();
  private readonly waiting: (() => void)[] = [];
  private readonly patience: (threads: number) => number;
  private closed = false;

  constructor(budgets: Budgets, limits: Partial<Limits>, patience: (threads: number) => number = patienceOf) {
    this.budgets = budgets;
    this.limits = limits;
    this.patience = patience;
  }

  async *small(
    raws: readonly Buffer[],
    more: MoreKeys,
    trust: TrustSettings = null,
  ): AsyncGenerator<ReadResult | 'large' | Stopped> {
    // A thread may be stopped at a mail before it has answered for the mails before: these are read again, up
    // to that one.
    let stopped: Stopped | null = null;
    let end = raws.length;
    for (let at = 0; at < raws.length; ) {
      if (stopped !== null && at === end) {
        yield stopped;
        stopped = null;
        end = raws.length;
        at++;
        continue;
      }
      const from = at;
      for await (const answer of this.read({ how: 'small', trust }, raws.slice(at, end), more)) {
        if (answer.type === 'small') {
          yield* answer.results;
          at += answer.results.length;
        } else if (answer.type === 'stopped') {
          stopped = answer;
          end = Math.max(at, from + answer.at);
        }
      }
    }
  }

  async *large(raw: Buffer, more: MoreKeys, trust: TrustSettings = null): AsyncGenerator<LargePiece | Stopped> {
    for await (const answer of this.read({ how: 'large', trust }, [raw], more)) {
      if (answer.type === 'piece') yield answer.piece;
      else if (answer.type === 'stopped') yield answer;
    }
  }

  async inspect(raw: Buffer, at: Date, trust: Config['trust']): Promise<Inspected | Stopped> {
    const none = () => Promise.reject(new Error('An inspection takes no keys.'));
    let inspected: Inspected | Stopped | null = null;
    for await (const answer of this.read({ how: 'inspect', trust, at: at.getTime() }, [raw], none)) {
      if (answer.type === 'inspected') inspected = answer.mail;
      else if (answer.type === 'stopped') inspected = answer;
    }
    if (inspected === null) throw new Error('A reader thread inspected a mail and did not answer.');
    return inspected;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.all].map((thread) => thread.end()));
  }

  /** One thread's answers; `stopped` is the last of them when the thread had to be terminated. */
  private async *read(task: Task, raws: readonly Buffer[], more: MoreKeys): AsyncGenerator<Answer | Stopped> {
    const thread = await this.acquire();
    let whole = false;
    try {
      thread.read(task, raws);
      for (;;) {
        const answer = await thread.next();
        if (answer.type === 'more_keys') thread.send({ type: 'keys', keys: await more() });
        else if (answer.type === 'done') {
          whole = true;
          return;
        } else if (answer.type === 'threw') throw errorOf(answer);
        else {
          yield answer;
          if (answer.type === 'stopped') return;
          thread.acknowledge(answer);
        }
      }
    } finally {
      // The transaction failed, so don't wait for the rest of the mail to be read.
      if (!whole) await thread.end();
      this.release(thread);
    }
  }

  private async acquire(): Promise<Thread> {
    // One thread mostly keeps up with several jobs, since each job writes while the thread reads for another.
    let patient = this.all.size > 0;
    while (this.idle.length === 0 && (this.all.size >= this.budgets.concurrency || patient)) {
      patient = await this.waitForThread(this.all.size < this.budgets.concurrency ? this.patience(this.all.size) : null);
    }
    if (this.closed) throw new Error('The readers are closed.');
    const thread = this.idle.pop() ?? new Thread(this.budgets, this.limits);
    this.all.add(thread);
    return thread;
  }

  /** Waits until a thread is free; false when the time is over first. */
  private waitForThread(ms: number | null): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | null = null;
      const wake = () => {
        if (timer) clearTimeout(timer);
        resolve(true);
      };
      this.waiting.push(wake);
      if (ms === null) return;
      timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(wake), 1);
        resolve(false);
      }, ms);
    });
  }

  private release(thread: Thread): void {
    if (thread.ended) this.all.delete(thread);
    else this.idle.push(thread);
    this.waiting.shift()?.();
  }
}

function errorOf({ message, stack }: Answer & { type: 'threw' }): Error {
  const error = new Error(message);
  if (stack) error.stack = stack;
  return error;
}
