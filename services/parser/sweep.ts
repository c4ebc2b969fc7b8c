import { sleep } from '../shared/clock.ts';
import { type Context, sweepMs } from '../shared/runtime/service.ts';

/** Messages enqueued at a time: a bounded window over an unbounded backlog. */
const WINDOW = 2_000;
/** The longest pause between two windows. */
const PAUSE_MS = 1_000;

/**
 * Enqueues messages that have no job, a window at a time, until none is left. The next window is taken once
 * the waiting jobs cover less than half a window. A longer queue would not be processed any sooner, and
 * messages that wait too long in it would be taken for lost and enqueued again.
 * @param take takes up to `limit` messages, and keeps other processes from taking them for a while
 * @throws what Postgres throws, or an error when the queue does not answer; no message has been taken then
 */
export async function sweep(
  { config, queues, log }: Pick<Context, 'config' | 'queues' | 'log'>,
  queue: 'parse' | 'verify',
  take: (limit: number) => Promise<number[]>,
  { signal, turned }: { signal: AbortSignal; turned: () => void },
): Promise<void> {
  const batch = config.parser.batch_messages;
  while (!signal.aborted) {
    turned();
    if ((await queues.waiting(queue)) * batch < WINDOW / 2) {
      const keys = await take(WINDOW);
      if (keys.length === 0) return;
      log.info({ queue, messages: keys.length }, 'messages without a job were enqueued');
      for (let i = 0; i < keys.length; i += batch) await queues.add(queue, { messages: keys.slice(i, i + batch) });
    }
    await sleep(Math.min(PAUSE_MS, sweepMs(config)), signal);
  }
}
