import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Limits } from '../../report/limits.ts';
import type { Problem } from '../../report/model.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { Answer, Order, Task, ThreadData } from './thread.ts';

/** What one mail may cost a thread. */
export type Budgets = Pick<Config['parser'], 'concurrency' | 'time_budget_seconds' | 'memory_budget_mb'>;

/** A mail was stopped because it took too long or too much memory; nothing that was read from it counts. */
export interface Stopped {
  type: 'stopped';
  /** Which of the mails that were handed over together it was. */
  at: number;
  problem: Problem;
}

/**
 * A copy of the bytes in one buffer to transfer. The originals stay, in case another thread has to go on with
 * them.
 */
function copyOf(raws: readonly Buffer[], size: number): ArrayBuffer {
  const buffer = new ArrayBuffer(size);
  const bytes = Buffer.from(buffer);
  let at = 0;
  for (const raw of raws) at += raw.copy(bytes, at);
  return buffer;
}

/** The buffer of one large mail, transferred without a copy when nothing else lies in it. */
function ownBuffer(raw: Buffer): ArrayBuffer {
  const { buffer } = raw;
  return buffer instanceof ArrayBuffer && buffer.byteLength === raw.length ? buffer : copyOf([raw], raw.length);
}

/**
 * A thread runs JavaScript only: when this file runs from the sources (in tests), the built thread is
 * started.
 */
const BUILT = import.meta.dirname.includes(`${path.sep}dist${path.sep}`) ? '.' : '../../../dist/services/parser/reading';
const THREAD = path.resolve(import.meta.dirname, BUILT, 'thread.js');

/** Ticks of the watchdog in one time budget. */
const TICKS = 40;

/** The owner's side of one reader thread. */
export class Thread {
  ended = false;
  private readonly budgets: Budgets;
  private readonly state = new Int32Array(new SharedArrayBuffer(8));
  private readonly worker: Worker;
  private readonly answers: (Answer | Stopped)[] = [];
  private wake: (() => void) | null = null;
  private failure: Error | null = null;
  private breach: Problem | null = null;
  /** Messages begun before those of the current task. */
  private before = 0;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(budgets: Budgets, limits: Partial<Limits>) {
    this.budgets = budgets;
    const workerData: ThreadData = { limits, state: this.state.buffer as SharedArrayBuffer };
    this.worker = new Worker(THREAD, {
      workerData,
      // A small young generation: a thread that reads in pieces gains nothing from a large one, which stays
      // resident.
      resourceLimits: { maxOldGenerationSizeMb: budgets.memory_budget_mb, maxYoungGenerationSizeMb: 4 },
    });
    this.worker.on('message', (answer: Answer) => this.receive(answer));
    this.worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') this.failure = error;
      else {
        const message = `Reading the mail took more than ${budgets.memory_budget_mb} MB of memory (parser.memory_budget_mb), so it was stopped.`;
        this.breach = { code: 'memory_budget', message };
      }
    });
    this.worker.once('exit', (code) => {
      this.ended = true;
      // All of its answers have been received by now.
      const at = Atomics.load(this.state, 0) - this.before - 1;
      if (this.breach) this.answers.push({ type: 'stopped', at, problem: this.breach });
      this.failure ??= new Error(`A reader thread ended with code ${code}.`);
      this.wake?.();
    });
    // While a mail is read, the watchdog keeps the process alive.
    this.worker.unref();
  }

  read(task: Task, raws: readonly Buffer[]): void {
    const ends: number[] = [];
    let size = 0;
    for (const raw of raws) {
      size += raw.length;
      ends.push(size);
    }
    const [raw] = raws;
    const buffer = task.how === 'large' ? ownBuffer(raw!) : copyOf(raws, size);
    this.before = Atomics.load(this.state, 0);
    this.startWatchdog();
    this.worker.postMessage({ type: 'read', ...task, bytes: buffer, ends } satisfies Order, [buffer]);
  }

  send(order: Order, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(order, transfer);
  }

  /** Lets the thread go on: the answer has been processed. */
  acknowledge(answer: Answer & { type: 'small' | 'piece' | 'inspected' }): void {
    if (answer.type === 'small') this.send({ type: 'taken', length: answer.length });
    else if (answer.type === 'piece' && answer.lent && answer.piece.type === 'lines') {
      const buffer = answer.piece.lines.buffer as ArrayBuffer;
      this.send({ type: 'back', buffer }, [buffer]);
    }
  }

  /** The next answer. @throws when the thread ended for another reason than a budget */
  async next(): Promise<Answer | Stopped> {
    for (;;) {
      const answer = this.answers.shift();
      if (answer) return answer;
      if (this.ended) throw this.failure!;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    this.stopWatchdog();
    await this.worker.terminate();
  }

  private receive(answer: Answer): void {
    this.answers.push(answer);
    if (answer.type === 'done') this.stopWatchdog();
    this.wake?.();
  }

  /**
   * Adds up the time that the thread spends on one mail. A tick that comes late counts as one tick: when the
   * whole process stood still, the mail is not to blame.
   */
  private startWatchdog(): void {
    const tickMs = (this.budgets.time_budget_seconds * 1000) / TICKS;
    let begun = 0;
    let ticks = 0;
    this.watchdog = setInterval(() => {
      const now = Atomics.load(this.state, 0);
      if (now !== begun) ticks = 0;
      begun = now;
      if (Atomics.load(this.state, 1) === 1) ticks++;
      if (ticks <= TICKS) return;
      const message = `Reading the mail took longer than ${this.budgets.time_budget_seconds} seconds (parser.time_budget_seconds), so it was stopped.`;
      this.breach = { code: 'time_budget', message };
      void this.end();
    }, tickMs);
  }

  private stopWatchdog(): void {
    clearInterval(this.watchdog);
  }
}
