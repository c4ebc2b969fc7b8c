import type { Clock } from '../clock.ts';
import { sleep } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Config } from '../settings/config.ts';
import type { Db } from './db.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Queues } from './queues.ts';

/** What every service is given; nothing is a global. */
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
  /** Null when it does its work; else one sentence that says what it waits for (shown by /readyz). */
  waitingFor(): string | null;
  /** Takes no new work, ends what is under way at the next safe point, lets go of everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Runs `task` at once and then `everyMs` after each end, until stopped. A failure is logged and the next turn comes as usual:
 * these are sweepers, whose whole purpose is to try again.
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
        log.warn({ err: messageOf(error) }, `${what} failed; it is tried again in ${Math.round(everyMs / 1000)} s`);
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
