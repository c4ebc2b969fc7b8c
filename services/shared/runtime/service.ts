import type { Clock } from '../clock.ts';
import { sleep } from '../clock.ts';
import { codeOf, messageOf } from '../errors.ts';
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
  /** A sentence about a loop of it that has not turned for long (shown by /livez); null when all turn. */
  stuck?(): string | null;
  /** Takes no new work, ends running work at the next safe point, and releases everything. Idempotent. */
  stop(): Promise<void>;
}

/** A loop counts as stuck after this many of its intervals, and never before this many milliseconds. */
const STUCK_INTERVALS = 5;
const STUCK_MS = 5 * 60_000;

/** When a loop last did anything. */
export class Heartbeat {
  private at = performance.now();
  private readonly what: string;
  private readonly longestMs: number;

  /**
   * @param everyMs the loop's interval @param leastMs how long it may take at least before it is called stuck
   */
  constructor(what: string, everyMs: number, leastMs = STUCK_MS) {
    this.what = what;
    this.longestMs = Math.max(STUCK_INTERVALS * everyMs, leastMs);
  }

  /** The loop has done something: a turn, or a step of a long one. */
  turned(): void {
    this.at = performance.now();
  }

  /** A sentence that says how long nothing has happened; null when that is not long. */
  stuck(): string | null {
    const silent = performance.now() - this.at;
    return silent <= this.longestMs ? null : `${this.what} has not moved for ${Math.round(silent / 1000)} seconds`;
  }
}

/** A task that is repeated; see `repeat`. */
export interface Loop {
  stop(): Promise<void>;
  /** See Heartbeat.stuck. */
  stuck(): string | null;
}

/** A loop whose next turn may come before its time. */
export interface WakeableLoop extends Loop {
  /** Ends the pause; during a turn, the next one follows without a pause. */
  wake(): void;
}

/** The first of the loops' sentences. */
export function firstStuck(loops: readonly ({ stuck(): string | null } | null | undefined)[]): string | null {
  for (const loop of loops) {
    const sentence = loop?.stuck() ?? null;
    if (sentence !== null) return sentence;
  }
  return null;
}

/** The pause between two turns of what services do now and then. */
export const sweepMs = ({ sweep }: Pick<Config, 'sweep'>): number => sweep.every_seconds * 1000;

/**
 * Runs `task` now and then `everyMs` after each end, until stopped. A failure is logged, once until the task
 * succeeds or fails otherwise, and the next run comes as usual, since the tasks are sweepers, whose purpose
 * is to try again.
 * @param task a long one calls `turned` at each step, so that it is not taken for stuck
 */
export function repeat(
  everyMs: number,
  task: (signal: AbortSignal, turned: () => void) => Promise<void>,
  log: Log,
  what: string,
): WakeableLoop {
  const stopping = new AbortController();
  const heartbeat = new Heartbeat(what, everyMs);
  const turned = () => heartbeat.turned();
  let pause = new AbortController();
  const loop = (async () => {
    let said: string | null = null;
    while (!stopping.signal.aborted) {
      pause = new AbortController();
      try {
        await task(stopping.signal, turned);
        said = null;
      } catch (error) {
        const sentence = messageOf(error);
        // The queues report their own outages.
        const known = sentence === said || codeOf(error) === 'queue_silent';
        log[known ? 'debug' : 'warn']({ err: sentence }, `${what} failed; next try in ${Math.round(everyMs / 1000)} s`);
        said = sentence;
      }
      turned();
      if (!stopping.signal.aborted) await sleep(everyMs, pause.signal);
      turned();
    }
  })();
  return {
    async stop() {
      stopping.abort();
      pause.abort();
      await loop;
    },
    wake: () => pause.abort(),
    stuck: () => heartbeat.stuck(),
  };
}
