import { setTimeout as wait } from 'node:timers/promises';

/** The current time, a parameter wherever it is needed, so that tests can set it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** Resolves after `ms` milliseconds, or at once when the signal aborts. Never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  // The only error is that of the signal.
  return wait(ms, undefined, signal && { signal }).catch(() => undefined);
}

/** The n-th wait (from 0) of a capped exponential back-off with jitter, in milliseconds. */
export function backoff(n: number, base = 1_000, cap = 60_000, random: () => number = Math.random): number {
  const full = Math.min(cap, base * 2 ** n);
  return Math.round(full / 2 + (full / 2) * random());
}
