import { Networks } from '../../dns/networks.ts';
import { isTransient, messageOf } from '../../shared/errors.ts';
import type { GuardWatch } from '../../shared/guard-watch.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { joinDue, skipOldest } from '../../store/sending/joining.ts';
import { type LogSource, logSources } from '../../store/sending/sources.ts';
import type { HashName } from '../privacy.ts';
import { joinLines } from './join-lines.ts';
import { workloadsIn } from './workload.ts';

/** Queue ids that one transaction judges. */
const AT_ONCE = 1_000;

export interface RoundMeans {
  db: Db;
  log: Log;
  hash: HashName;
  declared: GuardWatch;
  insideNetworks: readonly string[];
  now(): Date;
  /** Lets the analyzer look at own domains. */
  wake(domains: readonly string[]): Promise<void>;
}

/**
 * Judges all queue ids of which no line came after `before`, and ends when none is left or another process is
 * at it.
 * @param which.source only ids of this source
 * @returns how many it judged
 */
export async function joinAll(
  means: RoundMeans,
  which: { before: Date; source?: number },
  { signal, turned = () => undefined }: { signal?: AbortSignal; turned?: () => void } = {},
): Promise<number> {
  const networks = new Networks(
    means.insideNetworks.map((one) => (one.includes('/') ? one : `${one}/${one.includes(':') ? 128 : 32}`)),
  );
  const inside = insideOf(networks);
  const sources = new Map<number, LogSource>((await logSources(means.db)).map((source) => [source.source_id, source]));
  means.declared.refresh();
  let judged = 0;
  let limit = AT_ONCE;
  while (!signal?.aborted) {
    const now = means.now();
    let done: { ids: number; domains: string[] } | null;
    try {
      done = await joinDue(means.db, { ...which, limit, now }, (judgement) =>
        joinLines(judgement, {
          sources,
          declared: (environment) => workloadsIn(means.declared, environment),
          hash: means.hash,
          inside,
          now,
        }),
      );
    } catch (error) {
      if (isTransient(error)) throw error;
      if (limit > 1) {
        // One of them cannot be judged: the others are, one at a time.
        limit = 1;
        continue;
      }
      means.log.error({ err: messageOf(error) }, 'lines of a queue id cannot be judged, and are left out');
      await skipOldest(means.db, which);
      limit = AT_ONCE;
      continue;
    }
    turned();
    if (done === null) return judged;
    await means.wake(done.domains);
    judged += done.ids;
    if (done.ids < limit) return judged;
  }
  return judged;
}

/** Addresses repeat: most mail comes from a few hosts and goes to a few. */
const REMEMBERED = 10_000;

function insideOf(networks: Networks): (ip: string) => boolean {
  const known = new Map<string, boolean>();
  return (ip) => {
    let found = known.get(ip);
    if (found === undefined) {
      found = networks.contains(ip.replace(/^::ffff:(?=\d+\.)/i, ''));
      if (known.size >= REMEMBERED) known.clear();
      known.set(ip, found);
    }
    return found;
  };
}
