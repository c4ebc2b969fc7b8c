import type { Limits } from '../report/limits.ts';
import { isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import { addResult, type BatchResult, countReports, emptyResult } from './batch-result.ts';
import { giveUp } from './give-up.ts';
import { parseMessages } from './parse-messages.ts';
import type { ParseOptions } from './parse-options.ts';

type ParseContext = Pick<Context, 'db' | 'config' | 'metrics' | 'log'>;
type Options = Pick<ParseOptions, 'readers' | 'months' | 'raws' | 'aside'>;

/**
 * Parses messages so that none of them holds up the others: when a batch as a whole cannot be written, each
 * message is tried alone, and a message that still cannot be written is marked failed. Counts what was parsed
 * in the metrics, and logs one line for the batch.
 * @throws transient errors only
 */
export async function parseWithFallback(
  context: ParseContext,
  keys: readonly number[],
  log: Log,
  options: Options,
): Promise<BatchResult> {
  const begun = performance.now();
  const result = await attempt(context, keys, log, options);
  count(context, result);
  logBatch(log, result, (performance.now() - begun) / 1000);
  return result;
}

/** @throws transient errors only */
async function attempt(context: ParseContext, keys: readonly number[], log: Log, options: Options): Promise<BatchResult> {
  const { db, config } = context;
  try {
    const limits = config.limits as Partial<Limits>;
    return await parseMessages(db, keys, { limits, trust: config.trust, privacy: config.failureReports, ...options });
  } catch (error) {
    if (isTransient(error)) throw error;
    if (keys.length === 1) {
      await giveUp(context, keys, error);
      return emptyResult();
    }
    log.warn(
      { err: messageOf(error), messages: keys.length },
      'the batch could not be written; its messages are tried one by one',
    );
  }
  const total = emptyResult();
  for (const key of keys) addResult(total, await attempt(context, [key], log, options));
  return total;
}

function count({ metrics }: ParseContext, { messages }: BatchResult): void {
  for (const { state, code, reports, refuted } of messages) {
    metrics.messages.inc({ state, code: code ?? '' });
    for (const kind of refuted) metrics.trust.inc({ verdict: 'unauthenticated', kind });
    for (const report of reports) {
      metrics.reports.inc({ outcome: report.outcome });
      if (report.outcome !== 'duplicate') metrics.records.inc(report.records);
      if (report.reporter_trust !== null) metrics.trust.inc({ verdict: report.reporter_trust, kind: 'aggregate' });
    }
  }
}

/** One line for the batch; what became of each message is for debugging, and in `messages show`. */
function logBatch(log: Log, { messages }: BatchResult, seconds: number): void {
  if (messages.length === 0) return;
  for (const { message_key, state, code, reason, ...read } of messages) {
    const reports = read.reports.map(({ key }) => key);
    log.debug({ message: message_key, code, reason, reports }, state);
  }
  const codes = tally(messages.flatMap(({ code }) => code ?? []));
  log.info(
    {
      messages: messages.length,
      ...tally(messages.map(({ state }) => state)),
      ...present(countReports(messages)),
      ...(Object.keys(codes).length > 0 ? { codes } : {}),
      seconds: Number(seconds.toFixed(3)),
    },
    'parsed a batch',
  );
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

const present = (counts: object) => Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
