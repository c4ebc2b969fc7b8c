import { messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

export interface LargeMessages {
  /** Takes messages over; those that are here already are not taken twice. */
  add(keys: readonly number[]): void;
  has(key: number): boolean;
  /** Begins none any more, and waits for those that are being worked. */
  stop(): Promise<void>;
}

/**
 * Large mails, worked in the order they came beside the jobs of small ones and never in place of all of them. A mail of 100 kB can hold
 * 30,000 records, which take seconds to store: a few dozen of them would otherwise hold up every genuine report behind them for minutes.
 * Their rows stay `received` meanwhile, so that nothing is lost when the process ends.
 * @param lanes how many at a time
 * @param work of one mail; what it throws is logged, and the sweeper brings the mail back
 */
export function parseLargeAside(lanes: number, work: (key: number) => Promise<void>, log: Log): LargeMessages {
  const held = new Set<number>();
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  let stopping = false;

  const next = () => {
    while (!stopping && running.size < lanes && waiting.length > 0) {
      const key = waiting.shift()!;
      const one = work(key)
        .catch((error: unknown) => log.warn({ message: key, err: messageOf(error) }, 'a large mail waits for the next sweep'))
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
