import { isTransient, messageOf, TransientError } from '../errors.ts';
import { library } from '../library.ts';
import { isLoading } from './redis-trouble.ts';

const ioredis = library('ioredis') as typeof import('ioredis');

/** What must be known of a Redis that holds queues. */
export interface RedisFacts {
  version: string;
  /** `maxmemory-policy`; null where the server does not say. */
  policy: string | null;
}

/**
 * Asks a Redis once, without retries.
 * @throws TransientError with one sentence when it does not answer, or refuses the login
 */
export async function redisFacts(url: string): Promise<RedisFacts> {
  const redis = new ioredis.Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
  });
  const errors: unknown[] = [];
  redis.on('error', (error: unknown) => errors.push(error));
  try {
    await redis.connect();
    // The client goes on in database 0 where the server lacks the one that the URL names.
    await redis.select(redis.options.db!);
    // INFO and not CONFIG, which many providers forbid.
    const info = await redis.info();
    const of = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
    return { version: of('redis_version') ?? 'of an unknown version', policy: of('maxmemory_policy') };
  } catch (error) {
    const cause = errors[0] ?? error;
    const answers = !(isTransient(cause) || /answers nothing$|^it closes/.test(messageOf(cause)));
    const how = answers ? 'cannot be used' : 'does not answer';
    const advice = isLoading(cause)
      ? 'wait until it has done so'
      : `${answers ? '' : 'start it, '}correct REDIS_URL, or unset it to queue on Postgres`;
    throw new TransientError('queue', `Redis ${how} at the address in REDIS_URL (${messageOf(cause)}): ${advice}.`, error);
  } finally {
    redis.disconnect();
  }
}
