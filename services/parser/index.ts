import { codeOf, isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { openDns, type Resolver, txtResolver } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { takeUnqueued } from '../store/messages/messages.ts';
import { giveUp } from './give-up.ts';
import { type LargeQueue, largeQueue } from './large-queue.ts';
import { BUSY, parseWhenFree } from './parse-when-free.ts';
import { parseWithFallback } from './parse-with-fallback.ts';
import { openReaders, type Readers } from './reading/pool.ts';
import { sweep } from './sweep.ts';
import { startRetention } from './upkeep/index.ts';
import { type Months, watchMonths } from './upkeep/monthly-retention.ts';
import { startVerifier } from './verify/index.ts';
import { UNFAMILIAR_QUERIES } from './verify/key-resolver.ts';

export { addResult, type BatchResult, countReports, emptyResult } from './batch-result.ts';
export { parseWithFallback } from './parse-with-fallback.ts';
export { openReaders, type Readers } from './reading/pool.ts';
export { type Months, watchMonths } from './upkeep/monthly-retention.ts';
export { WARN_SHARE } from './upkeep/raw-archive-retention.ts';
export { verifyAgain } from './verify/index.ts';
export { ownServerDecides } from './verify/origin.ts';

const BUSY_TRIES = 10;
/** A large message has no job that is repeated after a second or two. */
const LARGE_BUSY_TRIES = 100;

/**
 * The parser worker: turns messages into reports, records and rollups. Jobs of the queue `parse` wake it; a
 * sweeper adds jobs for waiting messages whose job is missing, so that a lost queue loses no work. A second
 * worker (verify/index.ts) checks the DKIM signatures of mails whose header does not prove their author.
 */
export function startParser(context: Context, given?: Resolver): Service {
  const { config, db, queues, log } = context;
  const resolver = given ?? txtResolver(openDns(config.dnsServers, { atOnce: 2 * UNFAMILIAR_QUERIES }));
  let trouble: string | null = null;
  const readers = openReaders(config);
  const months = watchMonths(context);
  const verifier = startVerifier(context, resolver, readers);
  const large = largeQueue(
    config.parser.concurrency,
    async (key) => {
      await parseWhenFree(
        [key],
        LARGE_BUSY_TRIES,
        (keys) => parseWithFallback(context, keys, log, { readers, months }),
        async ({ domains, unverified }) => {
          await announce(context, domains);
          // Its verdict moves as many rows again, so it is verified here and not in a job, where small
          // messages would wait for it.
          if (unverified.length > 0) await verifier.verify([key]);
        },
      );
    },
    log,
  );
  const worker = queues.work(
    'parse',
    async ({ messages }, jobLog) => {
      try {
        await workJob(context, messages, jobLog, { readers, months, large });
        trouble = null;
      } catch (error) {
        // A message that another worker holds keeps nobody waiting, and its job may not be repeated for
        // minutes.
        if (isTransient(error) && codeOf(error) !== BUSY) trouble = messageOf(error);
        throw error;
      }
    },
    { concurrency: config.parser.concurrency, onDead: ({ messages }, error) => giveUp(context, messages, error) },
  );
  const sweeper = repeat(
    sweepMs(config),
    (signal, turned) =>
      sweep(context, 'parse', (limit) => takeUnqueued(db, config.sweep.after_seconds, limit), { signal, turned }),
    log,
    'the sweep for messages without a job',
  );
  const retention = startRetention(context);
  return {
    name: 'parser',
    waitingFor: () => trouble,
    stuck: () => firstStuck([sweeper, verifier, retention]),
    async stop() {
      await Promise.all([sweeper.stop(), verifier.stop(), retention.stop()]);
      await worker.drain();
      await large.stop();
      await readers.close();
    },
  };
}

/** Parses one job's messages, but for large ones, and wakes the analyzer for what changed. */
async function workJob(
  context: Context,
  keys: number[],
  log: Log,
  { readers, months, large }: { readers: Readers; months: Months; large: LargeQueue },
): Promise<void> {
  await parseWhenFree(
    keys.filter((key) => !large.has(key)),
    BUSY_TRIES,
    (free) => parseWithFallback(context, free, log, { readers, months, aside: large.add }),
    async ({ domains, unverified }) => {
      if (unverified.length > 0) await context.queues.add('verify', { messages: unverified });
      await announce(context, domains);
    },
  );
}

async function announce(context: Context, domains: string[]): Promise<void> {
  for (let i = 0; i < domains.length; i += 1000) await context.queues.add('analyze', { domains: domains.slice(i, i + 1000) });
}
