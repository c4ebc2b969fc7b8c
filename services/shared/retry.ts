import { backoff, sleep } from './clock.ts';
import { isTransient } from './errors.ts';

/** Tries of what nobody else comes back to, such as a command's work: with their waits, some two minutes. */
const TRIES = 12;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 30_000;

/**
 * Does work again while waiting may mend what it failed of (isTransient), as the queues do for the services.
 * @param work safe to repeat, also when the database may have committed it
 * @param say is told of each failure that is waited for
 * @param wait in place of the pauses between tries, for tests
 * @throws what cannot be mended at once; the last error when all tries failed
 */
export async function persist<T>(
  work: () => Promise<T>,
  say: (error: unknown) => void,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || n >= TRIES) throw error;
      say(error);
      await wait(backoff(n - 1, FIRST_WAIT_MS, LONGEST_WAIT_MS));
    }
  }
}
