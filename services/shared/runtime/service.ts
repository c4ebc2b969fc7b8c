import type { Clock } from '../clock.ts';
import { sleep } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Config } from '../settings/config.ts';
import type { Db } from './db.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Queues } from './queues.ts';

/** What every service receives; there are no globals. */
export interface Context {
  config: Config;
  db: Db;
  queues: Queues;
  log: Log;
  metrics: Metrics;
  clock: Clock;
}

/** A running service. */
export interface Service {
  readonly name: string;
  /** Null while it works; otherwise a sentence that says what it waits for (shown by /readyz). */
  waitingFor(): string | null;
  /** Takes no new work, ends running work at the next safe point, and releases everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Runs `task` now and then `everyMs` after each end, until stopped. A failure is logged and the next run comes as usual, since
 * the tasks are sweepers, whose purpose is to try again.
 */
export function repeat(
  everyMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  log: Log,
  what: string,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await task(stopping.signal);
      } catch (error) {
        log.warn({ err: messageOf(error) }, `${what} failed; next try in ${Math.round(everyMs / 1000)} s`);
      }
      await sleep(everyMs, stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
