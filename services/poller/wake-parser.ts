import type { Context } from '../shared/runtime/service.ts';
import { slices } from '../shared/slices.ts';

const KEYS_PER_JOB = 100;
/** Jobs that may be on their way to the queue at once; the rest is left to the parser's sweeper. */
const JOBS_AT_ONCE = 20;

/** Enqueues parse jobs without waiting for the queue. */
export class ParserWaker {
  private readonly adding = new Set<Promise<boolean>>();
  private readonly queues: Context['queues'];

  constructor(queues: Context['queues']) {
    this.queues = queues;
  }

  /** Enqueues jobs for new messages. Never throws and never blocks. */
  wake(keys: readonly number[]): void {
    for (const messages of slices(keys, KEYS_PER_JOB)) {
      if (this.adding.size >= JOBS_AT_ONCE) break;
      const added = this.queues.add('parse', { messages });
      this.adding.add(added);
      void added.finally(() => this.adding.delete(added));
    }
  }

  /** Resolves when all jobs have been added, or have failed to be. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.adding);
  }
}
