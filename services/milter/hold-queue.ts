import { TransientError } from '../shared/errors.ts';

/** Milliseconds that a mail waits to be held: mail servers wait 30 seconds and more for the milter. */
const HOLD_MS = 15_000;

/**
 * Holds mails one after the other. The store takes one at a time anyway, and each that waits there would keep
 * a connection from the questions about other mails: whoever sends many forged mails at once must not get
 * them through by that.
 */
export class HoldQueue {
  private last: Promise<unknown> = Promise.resolve();
  private readonly waitMs: number;

  constructor(waitMs = HOLD_MS) {
    this.waitMs = waitMs;
  }

  /** @throws TransientError `hold_late` when its turn does not come or end in time, and what `work` throws */
  take<T>(work: () => Promise<T>): Promise<T> {
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        over = true;
        reject(new TransientError('hold_late', `too many mails are to be held: this one waited ${this.waitMs / 1000} seconds`));
      }, this.waitMs);
    });
    const done = this.last.then(() => {
      if (over) throw new TransientError('hold_late', 'its time is over');
      return work();
    });
    this.last = done.catch(() => undefined);
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  }
}
