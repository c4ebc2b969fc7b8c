import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Limits } from '../../report/limits.ts';
import type { Problem } from '../../report/model.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { Inspected } from '../verify/origin.ts';
import { Turns } from './exclusive.ts';
import { keysFrom, type MoreKeys, type Piece, type ReadResult } from './protocol.ts';
import type { Trusted } from './read.ts';
import type { Answer, Order, Reading, ThreadData } from './thread.ts';

/** A mail was stopped because it took too long or too much; nothing that was read from it counts. */
export interface Stopped {
  type: 'stopped';
  /** Which of the mails that were handed over together it was. */
  at: number;
  problem: Problem;
}

/** Who reads mails, and makes of them what the database takes. One a process. */
export interface Readers {
  /** Who works beside whom. */
  readonly turns: Turns;
  /**
   * One result a mail, in their order. @param more report keys, asked for only between two results
   * @param trust whom to believe about the mails' authors; without, nobody asks
   */
  small(raws: readonly Buffer[], more: MoreKeys, trust?: Trusted): AsyncGenerator<ReadResult | 'large' | Stopped>;
  /** The pieces of one mail, in their order. @param more as above, between two pieces */
  large(raw: Buffer, more: MoreKeys, trust?: Trusted): AsyncGenerator<Piece | Stopped>;
  /** What a mail's header and its signatures say of its author. @param at when it arrived */
  inspect(raw: Buffer, at: Date, trust: Config['trust']): Promise<Inspected | Stopped>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Readers as the settings say: threads with budgets, or this thread (`parser.isolate: false`, for a debugger). */
export function openReaders(config: Pick<Config, 'parser' | 'limits'>): Readers {
  const limits = config.limits as Partial<Limits>;
  return config.parser.isolate ? new ReaderPool(config.parser, limits) : readHere(limits);
}

/** Reads in this thread, where nothing can stop a mail that hangs. Loads what reads when there is something to read: it takes 10 MB. */
export function readHere(limits: Partial<Limits>): Readers {
  return {
    turns: new Turns(),
    async *small(raws, more, trust) {
      const { readSmall } = await import('./read.ts');
      const keyOf = keysFrom(more);
      for (const raw of raws) yield await readSmall(raw, limits, keyOf, trust);
    },
    async *large(raw, more, trust) {
      const { readLarge } = await import('./read.ts');
      yield* readLarge(raw, limits, keysFrom(more), trust);
    },
    async inspect(raw, at, trust) {
      const { inspect } = await import('./read.ts');
      return inspect(raw, at.getTime(), trust);
    },
    close: async () => undefined,
  };
}

/**
 * How long a job waits for a thread that is busy before another is started: longer than the first batch of a new thread takes, which
 * runs before anything is compiled. A second thread compiles all of it once more and holds its own 50 MB; where there is no core left for it
 * (one is for the thread that writes), it gains nothing, and is only for when a mail holds the first one up.
 */
const PATIENCE_MS = 1_000;
const PATIENCE_WITHOUT_CORE_MS = 10_000;

type Budgets = Pick<Config['parser'], 'concurrency' | 'time_budget_seconds' | 'memory_budget_mb'>;

/**
 * A thread for each job at a time, started when it is first needed. One that exceeds its budget of time or heap on a mail is ended
 * from outside, whatever it is doing; the mail is told as stopped, and a new thread goes on with the next. What buffers outside of
 * the heap may take is bounded by the limits of reading.
 */
export class ReaderPool implements Readers {
  readonly turns = new Turns();
  private readonly budgets: Budgets;
  private readonly limits: Partial<Limits>;
  private idle: Thread[] = [];
  private readonly all = new Set<Thread>();
  private readonly waiting: (() => void)[] = [];
  private closed = false;

  constructor(budgets: Budgets, limits: Partial<Limits>) {
    this.budgets = budgets;
    this.limits = limits;
  }

  async *small(raws: readonly Buffer[], more: MoreKeys, trust: Trusted = null): AsyncGenerator<ReadResult | 'large' | Stopped> {
    // A thread may be stopped over a mail before it has answered those in front of it: they are read again, up to that one.
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

  async *large(raw: Buffer, more: MoreKeys, trust: Trusted = null): AsyncGenerator<Piece | Stopped> {
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

  /** One thread's answers; `stopped` is the last of them when it had to be ended. */
  private async *read(what: Reading, raws: readonly Buffer[], more: MoreKeys): AsyncGenerator<Answer | Stopped> {
    const thread = await this.take();
    let whole = false;
    try {
      thread.read(what, raws);
      for (;;) {
        const answer = await thread.next();
        if (answer.type === 'more_keys') thread.tell({ type: 'keys', keys: await more() });
        else if (answer.type === 'done') {
          whole = true;
          return;
        } else if (answer.type === 'threw') throw thrown(answer);
        else {
          yield answer;
          if (answer.type === 'stopped') return;
          thread.took(answer);
        }
      }
    } finally {
      // What the transaction's failure left half read is not worth waiting for.
      if (!whole) await thread.end();
      this.give(thread);
    }
  }

  private async take(): Promise<Thread> {
    // One thread mostly keeps up with several jobs, which write while it reads for another; a second is for when it does not.
    let patient = this.all.size > 0;
    while (this.idle.length === 0 && (this.all.size >= this.budgets.concurrency || patient)) {
      const patience = this.all.size < availableParallelism() - 1 ? PATIENCE_MS : PATIENCE_WITHOUT_CORE_MS;
      patient = await this.given(this.all.size < this.budgets.concurrency ? patience : null);
    }
    if (this.closed) throw new Error('The readers are closed.');
    const thread = this.idle.pop() ?? new Thread(this.budgets, this.limits);
    this.all.add(thread);
    return thread;
  }

  /** Waits until a thread is given back; false when the time is over first. */
  private given(ms: number | null): Promise<boolean> {
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

  private give(thread: Thread): void {
    if (thread.over) this.all.delete(thread);
    else this.idle.push(thread);
    this.waiting.shift()?.();
  }
}

function thrown({ message, stack }: Answer & { type: 'threw' }): Error {
  const error = new Error(message);
  if (stack) error.stack = stack;
  return error;
}

/** The bytes in one buffer to hand over. They stay here too, for another thread to go on with. */
function copyOf(raws: readonly Buffer[], size: number): ArrayBuffer {
  const buffer = new ArrayBuffer(size);
  const bytes = Buffer.from(buffer);
  let at = 0;
  for (const raw of raws) at += raw.copy(bytes, at);
  return buffer;
}

/** The buffer of one large mail, which is handed over as it is when nothing else lies in it. */
function ownBuffer(raw: Buffer): ArrayBuffer {
  const { buffer } = raw;
  return buffer instanceof ArrayBuffer && buffer.byteLength === raw.length ? buffer : copyOf([raw], raw.length);
}

/** A thread runs JavaScript only: from the sources (the tests), that is the built one. */
const BUILT = import.meta.dirname.includes(`${path.sep}dist${path.sep}`) ? '.' : '../../../dist/services/parser/reading';
const THREAD = path.resolve(import.meta.dirname, BUILT, 'thread.js');

/** Turns of the watch in a budget of time. */
const TURNS = 40;

class Thread {
  over = false;
  private readonly budgets: Budgets;
  private readonly state = new Int32Array(new SharedArrayBuffer(8));
  private readonly worker: Worker;
  private readonly ended: Promise<void>;
  private readonly answers: (Answer | Stopped)[] = [];
  private wake: (() => void) | null = null;
  private failure: Error | null = null;
  private breach: Problem | null = null;
  /** Messages begun before those of the order. */
  private before = 0;
  private watch: NodeJS.Timeout | null = null;

  constructor(budgets: Budgets, limits: Partial<Limits>) {
    this.budgets = budgets;
    const workerData: ThreadData = { limits, state: this.state.buffer as SharedArrayBuffer };
    this.worker = new Worker(THREAD, {
      workerData,
      // A small young generation: a thread that reads in pieces gains nothing from a large one, which would stay resident.
      resourceLimits: { maxOldGenerationSizeMb: budgets.memory_budget_mb, maxYoungGenerationSizeMb: 4 },
    });
    this.worker.on('message', (answer: Answer) => this.hear(answer));
    this.worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') this.failure = error;
      else {
        const message = `Reading the mail took more than ${budgets.memory_budget_mb} MB of memory (parser.memory_budget_mb), and was stopped.`;
        this.breach = { code: 'memory_budget', message };
      }
    });
    this.ended = new Promise((resolve) =>
      this.worker.once('exit', (code) => {
        this.over = true;
        this.unwatch();
        // The last of its answers have been heard by now.
        const at = Atomics.load(this.state, 0) - this.before - 1;
        if (this.breach) this.answers.push({ type: 'stopped', at, problem: this.breach });
        this.failure ??= new Error(`A reader thread ended with code ${code}.`);
        this.wake?.();
        resolve();
      }),
    );
    this.worker.unref();
  }

  read(what: Reading, raws: readonly Buffer[]): void {
    const ends: number[] = [];
    for (const raw of raws) ends.push((ends.at(-1) ?? 0) + raw.length);
    const buffer = what.how === 'large' ? ownBuffer(raws[0]!) : copyOf(raws, ends.at(-1) ?? 0);
    this.worker.ref();
    this.before = Atomics.load(this.state, 0);
    this.startWatch();
    this.worker.postMessage({ type: 'read', ...what, bytes: buffer, ends } satisfies Order, [buffer]);
  }

  tell(order: Order, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(order, transfer);
  }

  /** Lets the thread go on: the answer has been worked up. */
  took(answer: Answer & { type: 'small' | 'piece' | 'inspected' }): void {
    if (answer.type === 'inspected') return;
    if (answer.type === 'small') {
      if (answer.length > 0) this.tell({ type: 'taken', length: answer.length });
    } else if (answer.lent && answer.piece.type === 'lines' && typeof answer.piece.lines !== 'string') {
      const buffer = answer.piece.lines.buffer as ArrayBuffer;
      this.tell({ type: 'back', buffer }, [buffer]);
    }
  }

  /** The next answer. @throws when the thread ended for a reason that is nobody's budget */
  async next(): Promise<Answer | Stopped> {
    for (;;) {
      const answer = this.answers.shift();
      if (answer) return answer;
      if (this.over) throw this.failure!;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    this.unwatch();
    await this.worker.terminate();
    await this.ended;
  }

  private hear(answer: Answer): void {
    this.answers.push(answer);
    if (answer.type === 'done') {
      this.unwatch();
      this.worker.unref();
    }
    this.wake?.();
  }

  /**
   * Adds up the time that one mail is being read. A turn that comes late counts as one turn: when the whole process stood still, the
   * mail is not to blame.
   */
  private startWatch(): void {
    const turnMs = (this.budgets.time_budget_seconds * 1000) / TURNS;
    let begun = 0;
    let turns = 0;
    this.watch = setInterval(() => {
      const now = Atomics.load(this.state, 0);
      if (now !== begun) turns = 0;
      begun = now;
      if (Atomics.load(this.state, 1) === 1) turns++;
      if (turns <= TURNS) return;
      this.unwatch();
      const message = `Reading the mail took longer than ${this.budgets.time_budget_seconds} seconds (parser.time_budget_seconds), and was stopped.`;
      this.breach = { code: 'time_budget', message };
      void this.worker.terminate();
    }, turnMs);
  }

  private unwatch(): void {
    if (this.watch) clearInterval(this.watch);
    this.watch = null;
  }
}
