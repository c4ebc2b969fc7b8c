import type { Limits } from '../report/limits.ts';
import { isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import { addResult, type BatchResult, emptyResult } from './batch-result.ts';
import { giveUp } from './give-up.ts';
import { parseMessages } from './parse-messages.ts';
import type { ParseOptions } from './parse-options.ts';

/**
 * Parses messages so that none of them holds up the others: when a batch as a whole cannot be written, each
 * message is tried alone, and a message that still cannot be written is marked failed. Counts what was parsed
 * in the metrics.
 * @throws transient errors only
 */
export async function parseWithFallback(
  context: Pick<Context, 'db' | 'config' | 'metrics' | 'log'>,
  keys: readonly number[],
  log: Log,
  options: Pick<ParseOptions, 'readers' | 'months' | 'raws' | 'aside'>,
): Promise<BatchResult> {
  const { db, config } = context;
  try {
    const limits = config.limits as Partial<Limits>;
    const result = await parseMessages(db, keys, { limits, trust: config.trust, privacy: config.failureReports, ...options });
    count(context, result, log);
    return result;
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
  for (const key of keys) addResult(total, await parseWithFallback(context, [key], log, options));
  return total;
}

function count({ metrics }: Pick<Context, 'metrics'>, result: BatchResult, log: Log): void {
  for (const message of result.messages) {
    metrics.messages.inc({ state: message.state, code: message.code ?? '' });
    for (const report of message.reports) {
      metrics.reports.inc({ outcome: report.outcome });
      if (report.outcome !== 'duplicate') metrics.records.inc(report.records);
      if (report.reporter_trust !== null) metrics.trust.inc({ verdict: report.reporter_trust });
    }
    const { reports, tls, failures } = message;
    const all = [...reports.map(({ outcome }) => outcome), ...tls, ...failures];
    const fields = {
      message: message.message_key,
      reports: reports.map((r) => r.key),
      tls_reports: tls.length,
      failure_reports: failures.length,
      duplicates: all.filter((outcome) => outcome === 'duplicate').length,
      superseded: all.filter((outcome) => outcome.startsWith('supersed')).length,
      code: message.code,
    };
    if (message.state === 'stored') log.debug(fields, 'stored');
    else log.info({ ...fields, reason: message.reason }, message.state);
  }
}
