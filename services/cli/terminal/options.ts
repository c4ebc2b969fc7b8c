import { userInfo } from 'node:os';
import { PermanentError } from '../../shared/errors.ts';
import type { OperatorNote } from '../../store/findings/operator-actions.ts';

/** Where a command writes, and what time it is. */
export interface Terminal {
  out: (line: string) => void;
  /** The current time; tests set it. */
  now?: Date;
}

export interface WordOptions {
  by?: string;
  why: string;
}

/** Who decided something and why, as the history records it. @throws PermanentError `usage` */
export function wordOf(options: WordOptions): OperatorNote {
  const why = options.why.trim();
  if (why === '') throw new PermanentError('usage', '--why must not be empty; it is recorded in the history.');
  return { by: (options.by ?? '').trim() || systemUser(), why };
}

/** The name of who runs the command. @throws PermanentError `usage` */
export function systemUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    throw new PermanentError('usage', 'The system user has no name: give yours with --by NAME.', error);
  }
}

const UNITS: Record<string, number> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/**
 * A moment in the future, from `--until` (a date is its first moment in UTC) or `--for`.
 * @returns null when neither is given
 * @throws PermanentError `usage`
 */
export function untilOf(options: { until?: string; for?: string }, now: Date): Date | null {
  if (options.until !== undefined && options.for !== undefined)
    throw new PermanentError('usage', '--until and --for exclude each other: keep one.');
  if (options.for !== undefined) {
    const [, n, unit] = /^(\d{1,4})([hdw])$/.exec(options.for) ?? [];
    if (unit === undefined || Number(n) === 0)
      throw new PermanentError('usage', `--for "${options.for}" is not a duration: write 12h, 7d or 2w.`);
    return new Date(now.getTime() + Number(n) * UNITS[unit]!);
  }
  if (options.until === undefined) return null;
  const known = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(options.until);
  const until = new Date(options.until);
  if (!known || Number.isNaN(until.getTime()))
    throw new PermanentError('usage', `--until "${options.until}" is not a date: write 2026-12-01, or 2026-12-01T08:00:00Z.`);
  if (until <= now) throw new PermanentError('usage', `--until ${options.until} is in the past.`);
  return until;
}

/** "2026-12-01 08:00", in UTC. */
export function moment(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}

/** A key on the command line. @throws PermanentError `usage` */
export function keyOf(text: string, what: string): number {
  const key = Number(text);
  if (!Number.isSafeInteger(key) || key < 1)
    throw new PermanentError('usage', `"${text}" is not the key of a ${what}: keys are whole numbers.`);
  return key;
}

/**
 * A number of rows, or of days, on the command line; 50 when none is given.
 * @param option named by the error
 * @throws PermanentError `usage`
 */
export function limitOf(text: string | undefined, option = '--limit'): number {
  const limit = Number(text ?? 50);
  if (!Number.isInteger(limit) || limit < 1) throw new PermanentError('usage', `${option} must be a whole number above 0.`);
  return limit;
}

/** A day or moment, such as 2026-12-01; null without one. @throws PermanentError `usage` */
export function dateOf(text: string | undefined, option: string): Date | null {
  if (text === undefined) return null;
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(date.getTime()))
    throw new PermanentError('usage', `${option} "${text}" is not a date: write 2026-12-01.`);
  return date;
}
