/** Time is a parameter: tests hand in their own. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** Resolves after `ms` milliseconds, or at once when the signal aborts. Never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** The n-th wait (from 0) of a capped exponential back-off with jitter, in milliseconds. */
export function backoff(n: number, base = 1_000, cap = 60_000, random: () => number = Math.random): number {
  const full = Math.min(cap, base * 2 ** Math.min(n, 30));
  return Math.round(full / 2 + (full / 2) * random());
}
