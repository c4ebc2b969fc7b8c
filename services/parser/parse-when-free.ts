import { sleep } from '../shared/clock.ts';
import { TransientError } from '../shared/errors.ts';
import { counted } from '../shared/format.ts';
import type { BatchResult } from './batch-result.ts';

/** The code of the error that says that another worker holds messages. */
export const BUSY = 'message_busy';
const BUSY_MS = 100;

/** What was parsed, over all tries. */
export interface Parsed {
  /** Domains that the analyzer must look at, in order. */
  domains: string[];
  /** Messages whose signatures are still to be checked. */
  unverified: number[];
}

/**
 * Parses messages, and tries again those that another worker holds: the poller holds a row for a moment when
 * it records that the mail was moved, so a short wait pays.
 * @param tries at most, 100 ms apart
 * @param parse parses the messages it is given, and says which of them it could not have
 * @param parsed is called with what was parsed, also when messages are left
 * @throws TransientError `message_busy` when another worker still holds some after the last try
 */
export async function parseWhenFree(
  keys: readonly number[],
  tries: number,
  parse: (keys: readonly number[]) => Promise<BatchResult>,
  parsed: (all: Parsed) => Promise<void>,
): Promise<void> {
  const domains = new Set<string>();
  const unverified: number[] = [];
  let waiting = keys;
  for (let n = 0; waiting.length > 0 && n < tries; n++) {
    const result = await parse(waiting);
    for (const domain of result.domains) domains.add(domain);
    for (const message of result.messages) if (message.unverified) unverified.push(message.message_key);
    waiting = result.busy;
    if (waiting.length > 0) await sleep(BUSY_MS);
  }
  await parsed({ domains: [...domains].sort(), unverified });
  if (waiting.length > 0)
    throw new TransientError(BUSY, `${counted(waiting.length, 'message')} held by another worker, to be retried.`);
}
