import { sleep } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { Db, Tx } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';

const AGAIN_MS = 5_000;

/**
 * What triggers announce: that the end of a grant begins (migration 0063), and the kind of a finding that
 * opens (0079).
 */
export type Channel = 'ruawatch_grants' | 'ruawatch_findings';

/**
 * Hears what the database announces, over a connection of its own. Behind a pooler that hands connections on,
 * nothing is heard: whoever listens looks now and then all the same.
 * @param wake gets null when something may have been announced before the connection listened
 * @returns stops it
 */
export function hear(db: Db, channel: Channel, wake: (told: string | null) => void, log: Log): () => Promise<void> {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await listen(await db.connect(), { channel, wake, signal: stopping.signal });
      } catch (error) {
        log.debug(
          { channel, err: messageOf(error) },
          'notifications of the database do not arrive; it is asked now and then instead',
        );
      }
      await sleep(AGAIN_MS, stopping.signal);
    }
  })();
  return async () => {
    stopping.abort();
    await loop;
  };
}

/** Listens until the connection is lost, or the signal. */
async function listen(
  client: Tx,
  { channel, wake, signal }: { channel: Channel; wake: (told: string | null) => void; signal: AbortSignal },
): Promise<void> {
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  client.on('notification', ({ payload }) => wake(payload ?? ''));
  client.on('error', over);
  client.on('end', over);
  signal.addEventListener('abort', over, { once: true });
  try {
    await client.query(`listen ${channel}`);
    wake(null);
    if (!signal.aborted) await ended;
  } finally {
    signal.removeEventListener('abort', over);
    client.removeAllListeners('notification');
    client.off('error', over);
    client.off('end', over);
    // It listens: nobody else gets it.
    client.release(true);
  }
}
