import { messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

/** Large messages that are parsed beside the jobs of small ones. */
export interface LargeQueue {
  /** Adds messages; those that are queued or being parsed already are ignored. */
  add(keys: readonly number[]): void;
  has(key: number): boolean;
  /** Begins no further message, and waits for those being parsed. */
  stop(): Promise<void>;
}

/**
 * Parses large messages in order, beside the jobs of small ones and never instead of them. A mail of 100 kB
 * can hold 30,000 records, which take seconds to store: a few dozen such mails would otherwise hold up every
 * genuine report behind them for minutes. Their rows stay `received` meanwhile, so nothing is lost when the
 * process ends.
 * @param concurrency of the parser; one of its connections is left for small messages where there are several
 * @param parse parses one message; its errors are logged, and the sweeper enqueues the message again
 */
export function largeQueue(concurrency: number, parse: (key: number) => Promise<void>, log: Log): LargeQueue {
  const atOnce = Math.max(1, concurrency - 1);
  const held = new Set<number>();
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  let stopping = false;

  const next = () => {
    while (!stopping && running.size < atOnce && waiting.length > 0) {
      const key = waiting.shift()!;
      const one = parse(key)
        .catch((error: unknown) => log.warn({ message: key, err: messageOf(error) }, 'a large message waits for the next sweep'))
        .finally(() => {
          held.delete(key);
          running.delete(one);
          next();
        });
      running.add(one);
    }
  };

  return {
    add(keys) {
      for (const key of keys) {
        if (held.has(key)) continue;
        held.add(key);
        waiting.push(key);
      }
      next();
    },
    has: (key) => held.has(key),
    async stop() {
      stopping = true;
      await Promise.all(running);
    },
  };
}
