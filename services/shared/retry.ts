import { backoff, sleep } from './clock.ts';
import { isTransient } from './errors.ts';

/**
 * Tries of work that no sweeper repeats, such as that of a command; with the waits between them, about two
 * minutes.
 */
const TRIES = 12;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 30_000;

/**
 * Repeats work while it fails with transient errors (isTransient), as the queues do for the services.
 * @param work must be safe to repeat, even if the database has committed it
 * @param onRetry receives each error before the wait
 * @param wait replaces the waits, in tests
 * @throws permanent errors at once; the last error when all tries failed
 */
export async function persist<T>(
  work: () => Promise<T>,
  onRetry: (error: unknown) => void,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || n >= TRIES) throw error;
      onRetry(error);
      await wait(backoff(n - 1, FIRST_WAIT_MS, LONGEST_WAIT_MS));
    }
  }
}
