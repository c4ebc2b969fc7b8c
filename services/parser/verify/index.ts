import type { Limits } from '../../report/limits.ts';
import type { Claim } from '../../report/reporters/reporters.ts';
import { backoff } from '../../shared/clock.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { transaction } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../../shared/runtime/service.ts';
import { loadRaw } from '../../store/messages/messages.ts';
import type { Trust } from '../../store/reports/trust.ts';
import { type Check, deferChecks, settleTrust, takeDueChecks, waitingChecks } from '../../store/reports/trust-checks.ts';
import { type Readers, readHere } from '../reading/pool.ts';
import { sweepUp } from '../sweep.ts';
import { notToBeVerified } from './at-hand.ts';
import { conclude } from './authenticity.ts';
import type { Inspected } from './origin.ts';
import { trustOf } from './reporter.ts';
import { sparing } from './sparing.ts';

/** Messages whose verdicts are written in one transaction. */
const AT_ONCE = 50;
/** While the name service does not answer: a minute, two, four … six hours; 24 tries are four days. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;
const TRIES = 24;

type VerifyContext = Pick<Context, 'db' | 'config' | 'metrics' | 'log' | 'queues'>;

export interface Verified {
  /** Domains to be judged again. */
  domains: string[];
  /** Messages to be verified later. */
  deferred: number[];
}

/**
 * The second step of the parser: says of reports that are stored whom they really come from, where only the name service can tell, apart
 * from reading them, as it waits for it. Jobs of queue `verify` wake it; a sweeper adds jobs for checks whose job is missing or whose wait is over.
 */
export function startVerifier(context: Context, resolver: Resolver, readers: Readers): Omit<Service, 'name' | 'waitingFor'> {
  const { config, db, queues, log } = context;
  const keys = sparing(resolver);
  const worker = queues.work('verify', ({ messages }, jobLog) => verifyJob(context, keys, readers, messages, jobLog), {
    concurrency: config.parser.concurrency,
    async onDead({ messages }, error) {
      log.error(
        { messages, err: messageOf(error) },
        'the reporters of these messages could not be verified; they are tried again',
      );
      await putOff(context, await waitingChecks(db, messages), messageOf(error));
    },
  });
  const sweeper = repeat(
    config.sweep.every_seconds * 1000,
    (signal) => sweepUp(context, 'verify', (limit) => takeDueChecks(db, config.sweep.after_seconds, limit), signal),
    log,
    'the sweep for reports that wait to be verified',
  );
  return {
    async stop() {
      await sweeper.stop();
      await worker.drain();
    },
  };
}

async function verifyJob(context: Context, resolver: Resolver, readers: Readers, keys: number[], log: Log): Promise<void> {
  const { domains, deferred } = await verifyMessages(context, resolver, keys, readers);
  if (deferred.length > 0) log.info({ messages: deferred }, 'reporters cannot be verified yet; they are tried again');
  for (let i = 0; i < domains.length; i += 1000) await context.queues.add('analyze', { domains: domains.slice(i, i + 1000) });
}

/**
 * Verifies the messages' checks that still wait. Safe to repeat, and by several workers at once.
 * @throws what Postgres throws
 */
export async function verifyMessages(
  context: VerifyContext,
  resolver: Resolver,
  keys: readonly number[],
  readers: Readers = readHere(context.config.limits as Partial<Limits>),
): Promise<Verified> {
  const byMessage = new Map<number, Check[]>();
  for (const check of await waitingChecks(context.db, keys)) {
    byMessage.set(check.message_key, [...(byMessage.get(check.message_key) ?? []), check]);
  }
  const domains = new Set<string>();
  const deferred: number[] = [];
  const messages = [...byMessage.values()];
  for (let i = 0; i < messages.length; i += AT_ONCE) {
    const verdicts: Parameters<typeof settleTrust>[1][number][] = [];
    // Read one after the other, since they may be large; asked about together, since some answers never come.
    const asking: [Check[], Promise<Verdict>][] = [];
    for (const checks of messages.slice(i, i + AT_ONCE)) {
      const inspected = await inspectionOf(context, readers, checks[0]!);
      asking.push([checks, verdictOf(inspected, checks[0]!, resolver)]);
    }
    for (const [checks, asked] of asking) {
      const { message_key } = checks[0]!;
      const verdict = await asked;
      if (typeof verdict === 'string') {
        deferred.push(message_key);
        await putOff(context, checks, verdict);
      } else {
        for (const check of checks) verdicts.push({ message_key, report_key: check.report_key, verdict: verdict(check) });
      }
    }
    for (const domain of await transaction(context.db, (tx) => settleTrust(tx, verdicts))) domains.add(domain);
    for (const { verdict } of verdicts) context.metrics.trust.inc({ verdict: verdict.reporter_trust ?? 'unchecked' });
  }
  return { domains: [...domains], deferred };
}

/** How the reports of a message are to be judged; a sentence when nobody can say yet. */
type Verdict = string | ((claim: Claim) => Trust);

/**
 * What a message says of its author itself, with all that a hostile mail could draw out done by a reader, which can be stopped. A
 * function when that is not to be asked.
 */
async function inspectionOf(
  { db, config }: VerifyContext,
  readers: Readers,
  check: Check,
): Promise<Inspected | ((claim: Claim) => Trust)> {
  const unverified = notToBeVerified(check.mailbox, config.trust.check);
  if (unverified !== null) return unverified;
  let raw: Buffer | null;
  try {
    raw = await loadRaw(db, check);
  } catch (error) {
    // Others of the same job are not to wait for bytes that do not come back.
    if (!(error instanceof PermanentError)) throw error;
    return { state: 'unproven', from: null, why: error.message };
  }
  if (raw === null) return { state: 'unproven', from: null, why: 'the raw mail is no longer in the archive' };
  const mail = await readers.inspect(raw, check.received_at, config.trust);
  return 'problem' in mail ? { state: 'unproven', from: null, why: `verifying it was stopped: ${mail.problem.message}` } : mail;
}

async function verdictOf(inspected: Inspected | ((claim: Claim) => Trust), check: Check, resolver: Resolver): Promise<Verdict> {
  if (typeof inspected === 'function') return inspected;
  const mail = await conclude(inspected, resolver);
  if (mail.state !== 'unknown') return (of) => trustOf(mail, of);
  if (check.attempts + 1 < TRIES) return mail.why;
  return (of) => trustOf({ ...mail, state: 'unproven', why: `nobody could say in ${TRIES} tries: ${mail.why}` }, of);
}

async function putOff({ db }: VerifyContext, checks: readonly Check[], reason: string): Promise<void> {
  await deferChecks(
    db,
    checks.map(({ message_key, report_key, attempts }) => ({
      message_key,
      report_key,
      seconds: backoff(attempts, FIRST_WAIT_MS, LONGEST_WAIT_MS) / 1000,
      reason: `Not verified yet: ${reason}`,
    })),
  );
}
