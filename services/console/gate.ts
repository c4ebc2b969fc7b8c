import { Refusal } from './routes.ts';
import { words } from './words/en.ts';

/** Lets so much work run at once; the rest waits in order, so that readers leave the database to the other services. */
export class Gate {
  private free: number;
  private readonly mostWaiting: number;
  private readonly waiting: (() => void)[] = [];

  /** @param atOnce how much runs at once @param mostWaiting how much may wait */
  constructor(atOnce: number, mostWaiting: number) {
    this.free = atOnce;
    this.mostWaiting = mostWaiting;
  }

  /** @throws Refusal `busy` when too much waits already, and what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else if (this.waiting.length >= this.mostWaiting) throw new Refusal(503, 'busy', words.problems.busy);
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}
