import { messageOf } from '../errors.ts';

/** Texts of ioredis that speak of its own parts, and what they mean to whoever set REDIS_URL. */
const MEANINGS: readonly [RegExp, string][] = [
  [/^Socket timeout\b/, 'it accepts connections and answers nothing'],
  // Of the reader of Redis' protocol, which ends each of its complaints so.
  [/Please report this\.$|^Protocol error\b/, 'what answers there is no Redis'],
  [/^Connection is closed/, 'it closes the connection'],
];

/** Why a connection to Redis failed, as the end of a sentence. */
export function redisReason(error: unknown): string {
  const text = messageOf(error);
  return MEANINGS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
