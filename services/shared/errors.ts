import { knownMeaning, meaningOf } from './library-texts.ts';

/** A sentence that begins with what it is about: `Mailbox "reports": wrong password.` */
export interface Sentence {
  about: string;
  says: string;
}

/**
 * Every error that a person may see: a stable code, a sentence that says what to do, and the cause.
 * Permanent errors are not retried; transient ones are, with back-off.
 */
export class RuawatchError extends Error {
  readonly code: string;
  readonly transient: boolean;
  /** The sentence without what it is about, for whoever names that already. */
  readonly says: string;

  constructor(code: string, message: string | Sentence, options: { transient: boolean; cause?: unknown }) {
    super(
      typeof message === 'string' ? message : `${message.about}: ${message.says}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = new.target.name;
    this.code = code;
    this.transient = options.transient;
    this.says = typeof message === 'string' ? message : message.says;
  }
}

/** A retry cannot help: the input or the settings must change. */
export class PermanentError extends RuawatchError {
  constructor(code: string, message: string | Sentence, cause?: unknown) {
    super(code, message, { transient: false, cause });
  }
}

/** The other side may recover: a later retry may succeed. */
export class TransientError extends RuawatchError {
  constructor(code: string, message: string | Sentence, cause?: unknown) {
    super(code, message, { transient: true, cause });
  }
}

/** A setting is wrong; commands print the message and exit with 1. */
export class SettingsError extends PermanentError {
  constructor(message: string, cause?: unknown) {
    super('settings', message, cause);
  }
}

/**
 * The message of anything thrown, on one line, followed by those of its causes where they add something.
 * Texts of libraries that speak of their own parts are replaced by what they mean.
 */
export function messageOf(error: unknown): string {
  return joined(error, meaningOf);
}

function joined(error: unknown, said: (text: string) => string): string {
  const seen: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 4; depth++) {
    // An AggregateError (a host with two addresses, both refusing) has an empty message of its own.
    const inner = at instanceof AggregateError && at.message === '' ? at.errors[0] : at;
    const text = said((inner instanceof Error ? inner.message : String(inner)).replace(/\s+/g, ' ').trim());
    if (text !== '' && !seen.some((s) => s.includes(text))) seen.push(text);
    at = inner instanceof Error ? inner.cause : undefined;
  }
  return seen.join(': ') || 'unknown error';
}

/**
 * The sentence to show to a person: our own errors are one already; otherwise the message with its causes.
 */
export function sentenceOf(error: unknown): string {
  return error instanceof RuawatchError ? error.message : messageOf(error);
}

/**
 * Why a connection failed, in words that never quote what the caller asked for: an address may hold a secret.
 * What has no words has its code.
 */
export function connectionFailure(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it does not answer in time';
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 4; depth++) {
    const inner = at instanceof AggregateError ? at.errors[0] : at;
    if (!(inner instanceof Error)) break;
    const said = knownMeaning(inner.message.replace(/\s+/g, ' ').trim());
    if (said) return said;
    if (inner.cause === undefined) {
      const code = codeOf(inner);
      return code === null ? 'the connection failed' : `the connection failed (${code})`;
    }
    at = inner.cause;
  }
  return 'the connection failed';
}

/** The `code` property of a Node, Postgres or own error; null when there is none. */
export function codeOf(error: unknown): string | null {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  if (typeof inner === 'object' && inner !== null && 'code' in inner) {
    const { code } = inner as { code: unknown };
    if (typeof code === 'string') return code;
  }
  return null;
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNABORTED',
]);

/**
 * Whether a retry may succeed: lost connections, a server that starts or stops, lack of resources,
 * serialization failures and deadlocks (Postgres classes 08, 25, 40, 53, 55, 57, 58), and our own transient
 * errors.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof RuawatchError) return error.transient;
  const code = codeOf(error);
  if (code !== null && NETWORK_CODES.has(code)) return true;
  // A server that listens on a socket of this machine takes it away when it stops.
  if (code === 'ENOENT' && (error as { syscall?: unknown }).syscall === 'connect') return true;
  if (code !== null && /^[0-9A-Z]{5}$/.test(code)) return /^(08|25|40|53|55|57|58)/.test(code);
  const message = joined(error, (text) => text);
  return /Connection terminated|connection (?:is )?closed|Client has encountered a connection error|timeout (?:exceeded|expired)|Query read timeout|Socket/i.test(
    message,
  );
}
