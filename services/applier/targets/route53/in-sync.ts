import { setTimeout as wait } from 'node:timers/promises';
import type { Applied } from '../target.ts';
import type { Route53 } from './zone.ts';

/** Route 53 says that its servers have a change within a minute, as a rule. */
const WAIT_MS = 90_000;
const EVERY_MS = 3_000;

/**
 * Waits until all servers of Route 53 have a change (PENDING becomes INSYNC). It is made, whether or not they
 * have it yet.
 */
export async function waitInSync(
  id: string | undefined,
  { sdk, client, signal }: Route53,
  { waitMs = WAIT_MS, everyMs = EVERY_MS }: { waitMs?: number; everyMs?: number },
): Promise<Applied> {
  const end = Date.now() + waitMs;
  while (id !== undefined && !signal.aborted) {
    const status = await client.send(new sdk.GetChangeCommand({ Id: id }), { abortSignal: signal }).then(
      ({ ChangeInfo }) => ChangeInfo?.Status,
      // The change is made: what is not known is how far it has spread.
      () => undefined,
    );
    if (status === 'INSYNC') return { state: 'applied', answer: 'It is made, and all servers of Route 53 have it (INSYNC).' };
    if (Date.now() + everyMs > end) break;
    await wait(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return { state: 'applied', answer: 'It is made, and not all servers of Route 53 have it yet (PENDING).' };
}
