import { sleep } from './clock.ts';

/** Limits the rate of queries, one after the other; unused capacity is not saved up. */
export class Pace {
  private readonly intervalMs: number;
  private readonly now: () => number;
  private readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  private next = 0;

  /** @param options.now milliseconds of a monotonic clock */
  constructor(
    perSecond: number,
    options: { now?: () => number; wait?: (ms: number, signal?: AbortSignal) => Promise<void> } = {},
  ) {
    this.intervalMs = 1000 / perSecond;
    this.now = options.now ?? (() => performance.now());
    this.wait = options.wait ?? sleep;
  }

  /** Resolves when the caller may send a query, or at once when the signal aborts. */
  async turn(signal?: AbortSignal): Promise<void> {
    const now = this.now();
    const at = Math.max(now, this.next);
    this.next = at + this.intervalMs;
    if (at > now) await this.wait(at - now, signal);
  }
}
