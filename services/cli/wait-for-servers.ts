import { backoff, sleep } from '../shared/clock.ts';
import { RuawatchError } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** Schema or rights that another ruawatch (`migrate`) may still bring up to date. */
const MIGRATED_LATER = new Set(['database_older', 'queue_schema']);

/**
 * Whether time may make it work: a server that starts, a login that is not created yet, a schema that is
 * migrated elsewhere.
 */
function mayPass(error: unknown): error is RuawatchError {
  return error instanceof RuawatchError && (error.transient || MIGRATED_LATER.has(error.code));
}

/**
 * Repeats `open` with capped back-off while what it throws may pass. Each sentence is logged once.
 * @param waiting receives the sentence of the latest failure, and null at the end
 * @returns null when `stopping` aborts first
 * @throws what no time can change
 */
export async function openPatiently<T>(
  open: () => Promise<T>,
  { log, stopping, waiting }: { log: Log; stopping: AbortSignal; waiting: (sentence: string | null) => void },
): Promise<T | null> {
  let said: string | null = null;
  for (let tries = 0; !stopping.aborted; tries++) {
    try {
      const opened = await open();
      if (said !== null) log.info('the servers that start waited for answer now');
      waiting(null);
      return opened;
    } catch (error) {
      if (!mayPass(error)) throw error;
      const { code, message } = error;
      const wait = backoff(tries, FIRST_WAIT_MS, LONGEST_WAIT_MS);
      log[message === said ? 'debug' : 'warn']({ code, retry_seconds: Math.ceil(wait / 1000) }, message);
      said = message;
      waiting(message);
      await sleep(wait, stopping);
    }
  }
  return null;
}
