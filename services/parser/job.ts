import type { Limits } from '../report/limits.ts';
import { codeOf, isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Context } from '../shared/runtime/service.ts';
import { noteAttempt, settleMessages } from '../store/messages/messages.ts';
import { addResult, type BatchResult, nothingDone, parseMessages, type Raws } from './batch.ts';
import type { Readers } from './reading/pool.ts';
import type { Months } from './upkeep/months.ts';

/**
 * Parses messages so that none spoils the others: when a batch as a whole cannot be written, each message is tried by itself, and
 * the one that cannot be written is marked failed.
 * @param raws bytes that need not be loaded (parseMessages)
 * @throws only what waiting may mend
 */
export async function parseSafely(
  context: Pick<Context, 'db' | 'config' | 'metrics' | 'log'>,
  keys: readonly number[],
  log: Log,
  readers: Readers,
  months: Months,
  raws?: Raws,
): Promise<BatchResult> {
  const limits = context.config.limits as Partial<Limits>;
  try {
    const result = await parseMessages(
      context.db,
      keys,
      limits,
      context.config.trust,
      context.config.failureReports,
      readers,
      raws,
      months,
    );
    record(context, result, log);
    return result;
  } catch (error) {
    if (isTransient(error)) throw error;
    if (keys.length === 1) {
      await bury(context, keys, error);
      return nothingDone();
    }
    log.warn(
      { err: messageOf(error), messages: keys.length },
      'the batch could not be written; its messages are tried one by one',
    );
  }
  const total = nothingDone();
  for (const key of keys) addResult(total, await parseSafely(context, [key], log, readers, months, raws));
  return total;
}

function record({ metrics }: Pick<Context, 'metrics'>, result: BatchResult, log: Log): void {
  for (const message of result.messages) {
    metrics.messages.inc({ state: message.state, code: message.code ?? '' });
    for (const report of message.reports) {
      metrics.reports.inc({ outcome: report.outcome });
      if (report.outcome !== 'duplicate') metrics.records.inc(report.records);
      if (report.reporter_trust !== null) metrics.trust.inc({ verdict: report.reporter_trust });
    }
    const fields = { message: message.message_key, reports: message.reports.map((r) => r.key), code: message.code };
    if (message.state === 'stored') log.debug(fields, 'stored');
    else log.info({ ...fields, reason: message.reason }, message.state);
  }
}

/**
 * Records that a job was given up. What waiting can mend stays waiting, and the sweeper brings it back; so does what was left behind by
 * workers that died (a transient `job_stalled`), because whose fault that was is known by message, not by job (store/messages/parse-marks.ts). The rest is marked failed, where
 * `ruawatch messages list --state failed` shows it.
 */
export async function bury(context: Pick<Context, 'db' | 'log'>, keys: readonly number[], error: unknown): Promise<void> {
  const reason = messageOf(error);
  if (isTransient(error)) {
    await noteAttempt(context.db, keys, codeOf(error) ?? 'transient', reason);
    context.log.warn({ messages: keys, err: reason }, 'messages wait for the next sweep');
    return;
  }
  const code = codeOf(error) ?? 'internal_error';
  context.log.error(
    { messages: keys, code, err: reason },
    'messages failed for good; "ruawatch messages replay" tries them again',
  );
  await settleMessages(
    context.db,
    keys.map((message_key) => ({ message_key, state: 'failed', code, reason })),
  );
}
