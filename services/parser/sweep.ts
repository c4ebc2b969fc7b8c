import { sleep } from '../shared/clock.ts';
import type { Context } from '../shared/runtime/service.ts';

/** Messages that are taken at once: a bounded window over an unbounded backlog. */
const WINDOW = 2_000;
/** The pause between two looks, at most: also the least time that a window is given. */
const PAUSE_MS = 1_000;

/**
 * Puts messages without a job back on the queue, a window at a time, until none is left. A window is taken only while the jobs that
 * wait cover less than half of one: then all that was taken before is nearly done. More jobs would not be worked any sooner, and whoever
 * waited too long among them would be taken for lost and queued again.
 * @param take takes up to `limit` messages, so that nobody else takes them for a while
 * @throws what Postgres throws, and when the queue does not answer: nothing was taken then
 */
export async function sweepUp(
  { config, queues, log }: Pick<Context, 'config' | 'queues' | 'log'>,
  queue: 'parse' | 'verify',
  take: (limit: number) => Promise<number[]>,
  signal: AbortSignal,
): Promise<void> {
  const batch = config.parser.batch_messages;
  while (!signal.aborted) {
    if ((await queues.waiting(queue)) * batch < WINDOW / 2) {
      const keys = await take(WINDOW);
      if (keys.length === 0) return;
      log.info({ queue, messages: keys.length }, 'messages without a job are queued again');
      for (let i = 0; i < keys.length; i += batch) await queues.add(queue, { messages: keys.slice(i, i + batch) });
    }
    await sleep(Math.min(PAUSE_MS, config.sweep.every_seconds * 1000), signal);
  }
}
