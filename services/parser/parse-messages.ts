import type { Db } from '../shared/runtime/db.ts';
import { settleMessages, waitingMessages } from '../store/messages/messages.ts';
import { countDeaths } from '../store/messages/parse-marks.ts';
import { addResult, type BatchResult, emptyResult } from './batch-result.ts';
import { REDACT } from './other-reports.ts';
import type { ParseOptions, ParseSettings } from './parse-options.ts';
import { parseLargeMessage } from './parse-streaming.ts';
import { readInThisThread } from './reading/pool.ts';
import { parseSmallMessages } from './small-messages.ts';

/**
 * A raw mail above this size is parsed in a transaction of its own, and its records are copied while they are
 * read.
 */
const LARGE_RAW_BYTES = 512 * 1024;
/** Raw bytes that one batch may hold in memory. */
const BATCH_RAW_BYTES = 8 * 1024 * 1024;
/**
 * Workers that may die while they parse a message before it is quarantined: the first with the whole batch,
 * two more with this message alone. Two would not be enough: an unrelated double kill (by an operator, say)
 * would quarantine whatever mail was being read.
 */
const DEATHS = 3;

/**
 * Parses waiting messages and writes what they hold: reports, records, rollups, the messages' states and the
 * analyzer's work, in one transaction for a batch of small messages and one for each large message. Safe to
 * repeat: a message that no longer waits is left out, and one that another worker holds is skipped.
 *
 * If the header alone proves the reporter, the verdict is stored with the report; otherwise the report stays
 * pending until its DKIM signature has been checked (verify/index.ts).
 *
 * A message that was being parsed when a worker died is parsed while nothing else runs, and quarantined after
 * the third death.
 * @param keys message keys, as a parse job carries them
 * @throws what Postgres throws: the transaction is rolled back and the messages wait as before
 */
export async function parseMessages(db: Db, keys: readonly number[], options: ParseOptions): Promise<BatchResult> {
  const settings = withDefaults(options);
  const { aside, readers } = settings;
  const { lock } = readers;
  const total = emptyResult();
  await countDeaths(db, keys);
  const { batches, large, suspects, deadly } = sorted(await waitingMessages(db, keys));
  for (const batch of batches) {
    const { result, tooLarge } = await lock.shared(() => parseSmallMessages(db, batch, settings));
    addResult(total, result);
    large.push(...tooLarge);
  }
  if (aside) aside(large);
  else for (const key of large) addResult(total, await lock.shared(() => parseLargeMessage(db, key, settings)));
  for (const key of suspects) addResult(total, await lock.exclusive(() => parseLargeMessage(db, key, settings)));
  if (deadly.length > 0) addResult(total, await quarantineDeadly(db, deadly));
  const settled = new Set([...total.messages.map((m) => m.message_key), ...(aside ? large : [])]);
  const unsettled = keys.filter((key) => !settled.has(key));
  if (unsettled.length > 0) total.busy = (await waitingMessages(db, unsettled)).map((m) => m.message_key);
  return total;
}

function withDefaults({ limits = {}, trust, privacy, readers, raws, months, aside }: ParseOptions): ParseSettings {
  return {
    trust,
    privacy: privacy ?? REDACT,
    readers: readers ?? readInThisThread(limits),
    raws: raws ?? new Map(),
    months: months ?? { before: async () => undefined },
    aside,
  };
}

/**
 * Waiting messages by how they are to be parsed: small ones in batches, and by the workers that died over
 * them.
 */
export function sorted(waiting: Awaited<ReturnType<typeof waitingMessages>>) {
  const batches: number[][] = [];
  const large: number[] = [];
  const suspects: number[] = [];
  const deadly: number[] = [];
  let bytes = 0;
  for (const { message_key, size, worker_deaths } of waiting) {
    if (worker_deaths >= DEATHS) deadly.push(message_key);
    else if (worker_deaths > 0) suspects.push(message_key);
    else if (size > LARGE_RAW_BYTES) large.push(message_key);
    else {
      if (batches.length === 0 || bytes + size > BATCH_RAW_BYTES) {
        batches.push([]);
        bytes = 0;
      }
      batches.at(-1)!.push(message_key);
      bytes += size;
    }
  }
  return { batches, large, suspects, deadly };
}

/** Quarantines messages that killed their workers. */
async function quarantineDeadly(db: Db, keys: readonly number[]): Promise<BatchResult> {
  const reason = `A worker died each of the ${DEATHS} times that the mail was read, twice while it read nothing else; it is not retried automatically.`;
  const messages = keys.map((message_key) => ({
    message_key,
    state: 'quarantined' as const,
    code: 'killed_worker',
    reason,
    reports: [],
    tls: [],
    failures: [],
    refuted: [],
    unverified: false,
  }));
  await settleMessages(db, messages);
  return { ...emptyResult(), messages };
}
