import type { Claim } from '../../report/reporters/reporters.ts';
import { backoff } from '../../shared/clock.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { loadRaw } from '../../store/messages/messages.ts';
import type { Trust } from '../../store/reports/trust.ts';
import type { Readers } from '../reading/pool.ts';
import { checkSignatures } from './authenticity.ts';
import type { Inspected } from './origin.ts';
import { verdictFor } from './reporter.ts';
import { verdictUnverified } from './while-parsing.ts';

/** Messages whose keys are queried at once, and whose verdicts are written in one transaction. */
export const BATCH_MESSAGES = 50;

const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;
const TRIES = 24;

/**
 * How long a mail waits after a try without an answer of DNS, in seconds: a minute, two, four, up to six
 * hours. 24 tries take two to four days.
 * @param attempts how many tries there were before
 */
export const waitSeconds = (attempts: number): number => backoff(attempts, FIRST_WAIT_MS, LONGEST_WAIT_MS) / 1000;

export type VerifyContext = Pick<Context, 'db' | 'config' | 'metrics' | 'log' | 'queues'>;

/** The mail of a report that waits for its verification. */
export interface CheckedMail {
  message_key: number;
  mailbox: string;
  attempts: number;
  received_at: Date;
  stored_at: Date;
  size: number;
}

/** The verdicts on a message's reports; a sentence when they are not known yet. */
export type Verdict = string | ((claim: Claim) => Trust);

/**
 * What a message says about its author. Everything that a hostile mail could make expensive is done by a
 * reader thread, which can be stopped. The verdict itself when the message is not to be verified.
 */
export async function inspectionOf(
  { db, config }: VerifyContext,
  readers: Readers,
  check: CheckedMail,
): Promise<Inspected | ((claim: Claim) => Trust)> {
  const unverified = verdictUnverified(check.mailbox, config.trust.check);
  if (unverified !== null) return unverified;
  let raw: Buffer | null;
  try {
    raw = await loadRaw(db, check);
  } catch (error) {
    // The other messages of the job must not wait for bytes that are lost.
    if (!(error instanceof PermanentError)) throw error;
    return { state: 'unproven', from: null, why: error.message };
  }
  if (raw === null) return { state: 'unproven', from: null, why: 'the raw mail is no longer in the archive' };
  const mail = await readers.inspect(raw, check.received_at, config.trust);
  return 'problem' in mail ? { state: 'unproven', from: null, why: `verifying it was stopped: ${mail.problem.message}` } : mail;
}

/** Looks up the keys of an inspected mail and decides on its reports. */
export async function verdictOf(
  inspected: Inspected | ((claim: Claim) => Trust),
  check: CheckedMail,
  resolver: Resolver,
): Promise<Verdict> {
  if (typeof inspected === 'function') return inspected;
  const mail = await checkSignatures(inspected, resolver);
  if (mail.state !== 'unknown') return (claim) => verdictFor(mail, claim);
  if (check.attempts + 1 < TRIES) return mail.why;
  const why = `DNS did not answer in ${TRIES} tries: ${mail.why}`;
  return (claim) => verdictFor({ ...mail, state: 'unproven', why }, claim);
}
