import type { Limits } from '../report/limits.ts';
import { codeOf, isTransient, messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { type Context, repeat, type Service } from '../shared/service.ts';
import { settleMessages, takeUnqueued } from '../store/messages.ts';
import { type BatchResult, parseMessages } from './batch.ts';

/** Messages that one sweep puts back on the queue: a bounded window over an unbounded backlog. */
const SWEEP_MESSAGES = 2_000;

/**
 * The parser worker: messages become reports, records and rollups. Jobs of queue `parse` wake it; a sweeper adds jobs for waiting
 * messages whose job is missing, so that a lost queue loses no work.
 */
export function startParser(context: Context): Service {
  const { config, db, queues, log } = context;
  let trouble: string | null = null;
  const worker = queues.work(
    'parse',
    async ({ messages }, jobLog) => {
      try {
        await workJob(context, messages, jobLog);
        trouble = null;
      } catch (error) {
        if (isTransient(error)) trouble = messageOf(error);
        throw error;
      }
    },
    { concurrency: config.parser.concurrency, onDead: ({ messages }, error) => bury(context, messages, error) },
  );
  const sweeper = repeat(
    config.sweep.every_seconds * 1000,
    async () => {
      const keys = await takeUnqueued(db, config.sweep.after_seconds, SWEEP_MESSAGES);
      if (keys.length === 0) return;
      log.info({ messages: keys.length }, 'messages without a job are queued again');
      for (let i = 0; i < keys.length; i += config.parser.batch_messages) {
        await queues.add('parse', { messages: keys.slice(i, i + config.parser.batch_messages) });
      }
    },
    log,
    'the sweep for messages without a job',
  );
  return {
    name: 'parser',
    waitingFor: () => trouble,
    async stop() {
      await sweeper.stop();
      await worker.drain();
    },
  };
}

/** Parses one job's messages; when the batch as a whole cannot be written, each message is tried by itself. */
async function workJob(context: Context, keys: number[], log: Log): Promise<void> {
  const limits = context.config.limits as Partial<Limits>;
  const domains = new Set<string>();
  const take = (result: BatchResult) => {
    for (const domain of result.domains) domains.add(domain);
    record(context, result, log);
  };
  try {
    take(await parseMessages(context.db, keys, limits));
  } catch (error) {
    if (isTransient(error) || keys.length === 1) throw error;
    log.warn(
      { err: messageOf(error), messages: keys.length },
      'the batch could not be written; its messages are tried one by one',
    );
    for (const key of keys) {
      try {
        take(await parseMessages(context.db, [key], limits));
      } catch (single) {
        if (isTransient(single)) throw single;
        await bury(context, [key], single);
      }
    }
  }
  if (domains.size > 0) await announce(context, [...domains]);
}

async function announce(context: Context, domains: string[]): Promise<void> {
  for (let i = 0; i < domains.length; i += 1000)
    await context.queues.add('analyze', { domains: domains.slice(i, i + 1000).sort() });
}

function record({ metrics }: Context, result: BatchResult, log: Log): void {
  for (const message of result.messages) {
    metrics.messages.inc({ state: message.state, code: message.code ?? '' });
    for (const report of message.reports) {
      metrics.reports.inc({ outcome: report.outcome });
      if (report.outcome !== 'duplicate') metrics.records.inc(report.records);
    }
    const fields = { message: message.message_key, reports: message.reports.map((r) => r.key), code: message.code };
    if (message.state === 'stored') log.debug(fields, 'stored');
    else log.info({ ...fields, reason: message.reason }, message.state);
  }
}

/** Marks messages that no further try can help, so that `ruawatch messages list --state failed` shows them. */
async function bury(context: Context, keys: readonly number[], error: unknown): Promise<void> {
  const code = codeOf(error) ?? 'internal_error';
  context.log.error(
    { messages: keys, err: messageOf(error) },
    'messages failed for good; "ruawatch messages replay" tries them again',
  );
  await settleMessages(
    context.db,
    keys.map((message_key) => ({ message_key, state: 'failed' as const, code, reason: messageOf(error) })),
  );
}
