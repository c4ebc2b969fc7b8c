import type { Limits } from '../../report/limits.ts';
import { messageOf } from '../../shared/errors.ts';
import { groupBy } from '../../shared/group-by.ts';
import { transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { openDns, type Resolver, txtResolver } from '../../shared/runtime/resolver.ts';
import { type Context, type Loop, repeat, sweepMs } from '../../shared/runtime/service.ts';
import { slices } from '../../shared/slices.ts';
import { takeDueOthers } from '../../store/reports/other-checks.ts';
import { type Check, deferChecks, settleTrust, takeDueChecks, waitingChecks } from '../../store/reports/trust-checks.ts';
import { type Readers, readInThisThread } from '../reading/pool.ts';
import { sweep } from '../sweep.ts';
import { keyResolver } from './key-resolver.ts';
import { BATCH_MESSAGES, inspectionOf, type Verdict, type VerifyContext, verdictOf, waitSeconds } from './mail-verdict.ts';
import { verifyOthers } from './others.ts';

/** Domains that one job of the analyzer names. */
const DOMAINS_PER_JOB = 1000;

export interface Verified {
  /** Domains that the analyzer has to look at. */
  domains: string[];
  /** Messages to be verified later. */
  deferred: number[];
}

export interface Verifier extends Loop {
  /** Verifies messages now, without a job. */
  verify(messages: number[]): Promise<void>;
}

/**
 * The second worker of the parser: verifies who wrote the mails of stored reports, where that takes DNS. It
 * is separate from parsing because it waits for name servers. Jobs of the queue `verify` wake it; a sweeper
 * adds jobs for checks whose job is missing or whose wait is over.
 */
export function startVerifier(context: Context, resolver: Resolver, readers: Readers): Verifier {
  const { config, db, queues, log } = context;
  const keys = keyResolver(resolver);
  const worker = queues.work('verify', ({ messages }, jobLog) => verifyJob(context, messages, jobLog, { keys, readers }), {
    concurrency: config.parser.concurrency,
    async onDead({ messages }, error) {
      log.error(
        { messages, err: messageOf(error) },
        'the reporters of these messages could not be verified; the messages are retried',
      );
      await defer(context, await waitingChecks(db, messages), messageOf(error));
    },
  });
  const sweeper = repeat(
    sweepMs(config),
    (signal, turned) => sweep(context, 'verify', (limit) => takeDue(db, config.sweep.after_seconds, limit), { signal, turned }),
    log,
    'the sweep for reports that wait to be verified',
  );
  return {
    verify: (messages) => verifyJob(context, messages, log, { keys, readers }),
    stuck: sweeper.stuck,
    async stop() {
      await sweeper.stop();
      await worker.drain();
    },
  };
}

/** Messages that are verified before the verdicts are written and the analyzer is woken. */
const AGAIN_AT_ONCE = 500;

/**
 * Verifies the waiting checks of messages now, without a job.
 * @returns how many wait for DNS
 */
export async function verifyAgain(context: Context, messages: readonly number[], given?: Resolver): Promise<number> {
  const keys = keyResolver(given ?? txtResolver(openDns(context.config.dnsServers)));
  let waiting = 0;
  for (const some of slices(messages, AGAIN_AT_ONCE)) {
    const { domains, deferred } = await verifyMessages(context, keys, some);
    waiting += deferred.length;
    await wakeAnalyzer(context, domains);
  }
  return waiting;
}

async function verifyJob(
  context: Context,
  messages: number[],
  log: Log,
  { keys, readers }: { keys: Resolver; readers: Readers },
): Promise<void> {
  const { domains, deferred } = await verifyMessages(context, keys, messages, readers);
  if (deferred.length > 0) log.info({ messages: deferred }, 'reporters cannot be verified yet; the messages are retried');
  await wakeAnalyzer(context, domains);
}

async function wakeAnalyzer({ queues }: VerifyContext, domains: readonly string[]): Promise<void> {
  for (const some of slices(domains, DOMAINS_PER_JOB)) await queues.add('analyze', { domains: some });
}

/**
 * Verifies the waiting checks of these messages. Safe to repeat, and to run in several workers at once.
 * @throws what Postgres throws
 */
export async function verifyMessages(
  context: VerifyContext,
  resolver: Resolver,
  keys: readonly number[],
  readers: Readers = readInThisThread(context.config.limits as Partial<Limits>),
): Promise<Verified> {
  const byMessage = groupBy(await waitingChecks(context.db, keys), (check) => check.message_key);
  const domains = new Set<string>();
  const deferred: number[] = [];
  for (const messages of slices([...byMessage.values()], BATCH_MESSAGES)) {
    const verdicts: Parameters<typeof settleTrust>[1][number][] = [];
    // Mails are read one after the other, since they may be large; keys are queried together, since some
    // answers never come.
    const queried: [Check[], Promise<Verdict>][] = [];
    for (const checks of messages) {
      const inspected = await inspectionOf(context, readers, checks[0]!);
      queried.push([checks, verdictOf(inspected, checks[0]!, resolver)]);
    }
    for (const [checks, answer] of queried) {
      const { message_key } = checks[0]!;
      const verdict = await answer;
      if (typeof verdict === 'string') {
        deferred.push(message_key);
        await defer(context, checks, verdict);
      } else {
        for (const check of checks) verdicts.push({ message_key, report_key: check.report_key, verdict: verdict(check) });
      }
    }
    for (const domain of await transaction(context.db, (tx) => settleTrust(tx, verdicts))) domains.add(domain);
    for (const { verdict } of verdicts)
      context.metrics.trust.inc({ verdict: verdict.reporter_trust ?? 'unchecked', kind: 'aggregate' });
  }
  deferred.push(...(await verifyOthers(context, resolver, keys, readers)));
  return { domains: [...domains], deferred: [...new Set(deferred)] };
}

/** Takes messages with due checks of any kind of report. */
async function takeDue(db: Context['db'], seconds: number, limit: number): Promise<number[]> {
  const aggregate = await takeDueChecks(db, seconds, limit);
  const others = await takeDueOthers(db, seconds, limit);
  return [...new Set([...aggregate, ...others])].sort((a, b) => a - b);
}

async function defer({ db }: VerifyContext, checks: readonly Check[], reason: string): Promise<void> {
  await deferChecks(
    db,
    checks.map(({ message_key, report_key, attempts }) => ({
      message_key,
      report_key,
      seconds: waitSeconds(attempts),
      reason: `Not verified yet: ${reason}`,
    })),
  );
}
