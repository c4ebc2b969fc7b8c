import { codeOf, isTransient, messageOf, RuawatchError, TransientError } from '../shared/errors.ts';
import { words } from './page-words/en.ts';
import { Refusal } from './routes.ts';

/** The answer to a person or a program when something did not work (RFC 9457). */
export interface Problem {
  status: number;
  code: string;
  title: string;
  /** What to do, in a sentence. */
  detail: string;
  /** For the log alone. */
  cause: string;
}

/**
 * Codes of errors of ours that mean that something is not there; those of a wrong input; all others are
 * conflicts.
 */
const MISSING = /^no_(?!rule$|policy$|second_factor$)/;
const WRONG = /^(?:usage|settings|wrong_)/;

/** What its errors about a body are here: its own codes are no part of the API. */
const OF_FASTIFY: Readonly<Record<string, { code: string; detail: string }>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'wrong_body', detail: words.problems.body_not_json },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'wrong_body', detail: words.problems.no_object },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'too_large', detail: words.problems.too_large },
};

/** The problem that an error is. What nobody foresaw is in the log and not in the page. */
export function problemOf(error: unknown): Problem {
  const of = (status: number, code: string, detail: string): Problem => ({
    status,
    code,
    title: words.status(status),
    detail,
    cause: messageOf(error),
  });
  if (error instanceof Refusal) return of(error.status, error.code, error.message);
  // Who does not answer is not always the database.
  if (error instanceof TransientError && error.code === 'provider_silent')
    return of(503, error.code, words.problems.provider_silent);
  if (error instanceof TransientError && /^dns_/.test(error.code)) return of(503, error.code, error.message);
  if (isTransient(error)) return of(503, 'unavailable', words.problems.unavailable);
  if (error instanceof RuawatchError) {
    const status = MISSING.test(error.code) ? 404 : WRONG.test(error.code) ? 400 : error.code === 'not_yours' ? 403 : 409;
    return of(status, error.code, error.message);
  }
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  // Fastify's own: a body that is too large or of an unknown type, a path that is not UTF-8.
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const { code, detail } = OF_FASTIFY[codeOf(error) ?? ''] ?? { code: 'bad_request', detail: words.problems.bad_request };
    return of(status, code, detail);
  }
  return of(500, 'unexpected', words.problems.unexpected);
}
