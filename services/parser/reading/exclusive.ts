/**
 * Work that may run beside other work, and work that must run alone in this process: what dies with the process is then known to be
 * the cause, or nobody's fault.
 */
export class Turns {
  private running = 0;
  private alone = false;
  private aloneWaiting = 0;
  private readonly waiting: (() => void)[] = [];

  /** Runs the work beside other work, when nothing runs alone or waits to. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    while (this.alone || this.aloneWaiting > 0) await this.change();
    this.running++;
    try {
      return await work();
    } finally {
      this.running--;
      this.changed();
    }
  }

  /** Runs the work when all other work has ended, and lets none begin meanwhile. */
  async byItself<T>(work: () => Promise<T>): Promise<T> {
    this.aloneWaiting++;
    while (this.alone || this.running > 0) await this.change();
    this.aloneWaiting--;
    this.alone = true;
    try {
      return await work();
    } finally {
      this.alone = false;
      this.changed();
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private changed(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}
