import type { Limits } from '../report/limits.ts';
import { sleep } from '../shared/clock.ts';
import { codeOf, isTransient, messageOf, TransientError } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { type Resolver, systemResolver } from '../shared/resolver.ts';
import { type Context, repeat, type Service } from '../shared/service.ts';
import { noteAttempt, settleMessages, takeUnqueued } from '../store/messages.ts';
import { addResult, type BatchResult, nothingDone, parseMessages, type Raws } from './batch.ts';
import { type Months, watchMonths } from './months.ts';
import { openReaders, type Readers } from './readers.ts';
import { startRetention } from './retention.ts';
import { startVerifier } from './verify.ts';

/** Messages that one sweep puts back on the queue: a bounded window over an unbounded backlog. */
const SWEEP_MESSAGES = 2_000;
/** The poller holds a row for a moment when it notes that the mail was moved: worth a short wait. */
const BUSY_TURNS = 10;
const BUSY_MS = 100;

/**
 * The parser worker: messages become reports, records and rollups. Jobs of queue `parse` wake it; a sweeper adds jobs for waiting
 * messages whose job is missing, so that a lost queue loses no work. What was stored is verified afterwards (verify.ts).
 */
export function startParser(context: Context, resolver: Resolver = systemResolver()): Service {
  const { config, db, queues, log } = context;
  let trouble: string | null = null;
  const readers = openReaders(config);
  const months = watchMonths(context);
  const worker = queues.work(
    'parse',
    async ({ messages }, jobLog) => {
      try {
        await workJob(context, messages, jobLog, readers, months);
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
  const verifier = startVerifier(context, resolver);
  const retention = startRetention(context);
  return {
    name: 'parser',
    waitingFor: () => trouble,
    async stop() {
      await Promise.all([sweeper.stop(), verifier.stop(), retention.stop()]);
      await worker.drain();
      await readers.close();
    },
  };
}

/** Parses one job's messages and wakes the analyzer for what changed. */
async function workJob(context: Context, keys: number[], log: Log, readers: Readers, months: Months): Promise<void> {
  const domains = new Set<string>();
  const stored: number[] = [];
  let waiting: readonly number[] = keys;
  for (let turn = 0; waiting.length > 0 && turn < BUSY_TURNS; turn++) {
    if (turn > 0) await sleep(BUSY_MS);
    const result = await parseSafely(context, waiting, log, readers);
    await months.wrote(result.months);
    for (const domain of result.domains) domains.add(domain);
    for (const message of result.messages) if (message.reports.length > 0) stored.push(message.message_key);
    waiting = result.busy;
  }
  if (stored.length > 0) await context.queues.add('verify', { messages: stored });
  await announce(context, [...domains].sort());
  if (waiting.length > 0)
    throw new TransientError('message_busy', `${waiting.length} messages are held by another worker; they are looked at again.`);
}

async function announce(context: Context, domains: string[]): Promise<void> {
  for (let i = 0; i < domains.length; i += 1000) await context.queues.add('analyze', { domains: domains.slice(i, i + 1000) });
}

/**
 * Parses messages so that none spoils the others: when a batch as a whole cannot be written, each message is tried by itself, and
 * the one that cannot be written is marked failed.
 * @param raws bytes that need not be loaded (parseMessages)
 * @throws only what waiting may mend
 */
export async function parseSafely(
  context: Pick<Context, 'db' | 'config' | 'metrics' | 'log' | 'queues'>,
  keys: readonly number[],
  log: Log,
  readers: Readers,
  raws?: Raws,
): Promise<BatchResult> {
  const limits = context.config.limits as Partial<Limits>;
  try {
    const result = await parseMessages(
      context.db,
      keys,
      limits,
      context.config.trust.check,
      context.config.failureReports,
      readers,
      raws,
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
  for (const key of keys) addResult(total, await parseSafely(context, [key], log, readers, raws));
  return total;
}

function record({ metrics }: Pick<Context, 'metrics'>, result: BatchResult, log: Log): void {
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

/**
 * Records that a job was given up. What waiting can mend stays waiting, and the sweeper brings it back; so does what was left behind by
 * workers that died, because whose fault that was is known by message, not by job (store/parsing.ts). The rest is marked failed, where
 * `ruawatch messages list --state failed` shows it.
 */
async function bury(context: Pick<Context, 'db' | 'log'>, keys: readonly number[], error: unknown): Promise<void> {
  const reason = messageOf(error);
  if (isTransient(error) || /stalled/.test(reason)) {
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
