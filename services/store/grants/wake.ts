import { sleep } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Db, Tx } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';

const AGAIN_MS = 5_000;

/**
 * Hears when the end of a grant begins (migration 0063), over a connection of its own. Behind a pooler that hands connections on, nothing is
 * heard: whoever listens looks every second all the same.
 * @returns stops it
 */
export function hearEnds(db: Db, wake: () => void, log: Log): () => Promise<void> {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await listen(await db.connect(), wake, stopping.signal);
      } catch (error) {
        log.debug({ err: messageOf(error) }, 'the ends of grants are not heard; they are looked for every second');
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
async function listen(client: Tx, wake: () => void, signal: AbortSignal): Promise<void> {
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  client.on('notification', wake);
  client.on('error', over);
  client.on('end', over);
  signal.addEventListener('abort', over, { once: true });
  try {
    await client.query('listen ruawatch_grants');
    // What began before this connection listened.
    wake();
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
