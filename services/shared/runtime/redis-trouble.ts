import { messageOf } from '../errors.ts';

/** Whether the error is an answer of Redis, which is there and does not do what it is asked for. */
export const refusesJobs = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

/** "Redis does not answer at the address in REDIS_URL" */
export function redisTrouble(error: unknown): string {
  return `Redis ${refusesJobs(error) ? 'refuses jobs' : 'does not answer'} at the address in REDIS_URL`;
}

/** Whether a Redis says that it reads its file after a start, which time alone fixes. */
export function isLoading(error: unknown): boolean {
  return /^LOADING\b|still loading its data/.test(messageOf(error));
}
