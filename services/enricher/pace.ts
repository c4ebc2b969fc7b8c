import { sleep } from '../shared/clock.ts';

/** Lets questions through one after the other, at most so many a second; what was not used is not saved up. */
export class Pace {
  private readonly intervalMs: number;
  private readonly now: () => number;
  private readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  private next = 0;

  /** @param options.now milliseconds, of a clock that only goes forward */
  constructor(
    perSecond: number,
    options: { now?: () => number; wait?: (ms: number, signal?: AbortSignal) => Promise<void> } = {},
  ) {
    this.intervalMs = 1000 / perSecond;
    this.now = options.now ?? (() => performance.now());
    this.wait = options.wait ?? sleep;
  }

  /** Resolves when it is the caller's turn, or at once when the signal aborts. */
  async turn(signal?: AbortSignal): Promise<void> {
    const now = this.now();
    const at = Math.max(now, this.next);
    this.next = at + this.intervalMs;
    if (at > now) await this.wait(at - now, signal);
  }
}
