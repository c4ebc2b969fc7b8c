/**
 * A lock within this process with shared and exclusive holders. A message that may kill the process is parsed
 * exclusively, so that a death can be attributed to it.
 */
export class SharedLock {
  private holders = 0;
  private exclusivelyHeld = false;
  private exclusiveWaiting = 0;
  private readonly waiting: (() => void)[] = [];

  /** Runs the work beside other shared work, once no exclusive work runs or waits. */
  async shared<T>(work: () => Promise<T>): Promise<T> {
    while (this.exclusivelyHeld || this.exclusiveWaiting > 0) await this.change();
    this.holders++;
    try {
      return await work();
    } finally {
      this.holders--;
      this.changed();
    }
  }

  /** Runs the work once all other work has ended; no other work begins meanwhile. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.exclusiveWaiting++;
    while (this.exclusivelyHeld || this.holders > 0) await this.change();
    this.exclusiveWaiting--;
    this.exclusivelyHeld = true;
    try {
      return await work();
    } finally {
      this.exclusivelyHeld = false;
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
