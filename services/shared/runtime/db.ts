import pg from 'pg';
import { TransientError } from '../errors.ts';
import { connectionSettings } from '../settings/postgres-url.ts';

/** The schema of BullMQ's tables on Postgres. */
export const QUEUE_SCHEMA = 'ruawatch_queue';

export type Db = pg.Pool;
/** Anything that runs queries: the pool, or a client inside a transaction. */
export type Queryable = Pick<pg.Pool, 'query'> | pg.PoolClient;
export type Tx = pg.PoolClient;

const INT8 = 20;
const NUMERIC = 1700;
const DATE = 1082;
const LOG_IN_MS = 10_000;

/**
 * Opens a pool. int8 and numeric become numbers (counts stay far below 2^53), dates stay 'YYYY-MM-DD' texts,
 * so that no time zone changes a report day.
 * @param url a postgres:// URL; for its TLS parameters see postgres-url.ts
 * @param options.name shown in pg_stat_activity
 * @param options.connectMs how long a log-in may take
 * @param options.queryMs how long a query may take, for programs that nobody watches (silent-connections.ts
 *   watches the others')
 */
export function openPool(url: string, options: { max?: number; name?: string; connectMs?: number; queryMs?: number } = {}): Db {
  const logInMs = options.connectMs ?? LOG_IN_MS;
  const pool = new pg.Pool({
    application_name: options.name ?? 'ruawatch',
    ...connectionSettings(url),
    max: options.max ?? 8,
    connectionTimeoutMillis: logInMs,
    ...(options.queryMs === undefined ? {} : { query_timeout: options.queryMs }),
    idleTimeoutMillis: 30_000,
    onConnect: (client) => withoutCompiling(client, logInMs),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') => {
        if (oid === INT8 || oid === NUMERIC) return Number;
        if (oid === DATE) return (text: string) => text;
        return pg.types.getTypeParser(oid, format as 'text');
      },
    } as pg.CustomTypesConfig,
  });
  // An idle client that loses its connection emits this; the next query gets a new client. Without a listener
  // Node would exit.
  pool.on('error', () => pool.emit('ruawatch:idle-lost'));
  return pool;
}

/**
 * Postgres compiles a statement whose estimate is high, and each of ours that counts over partitions has a
 * high one: half a second of compiling for two milliseconds of work, again at every call. As a query and not
 * in the URL, since PgBouncer refuses settings there.
 */
async function withoutCompiling(client: pg.ClientBase, withinMs: number): Promise<void> {
  const late = setTimeout(() => void (client as pg.Client).end(), withinMs);
  try {
    await client.query('set jit = off');
  } finally {
    clearTimeout(late);
  }
}

/**
 * Runs `work` on one connection. When its time is over the connection ends, and with it what waits for an
 * answer on it: something on the way may go on acknowledging what is sent for hours after the line fell
 * silent, and each such query would keep a place of the pool. A broken client is closed, not returned to the
 * pool.
 * @param ms null for no limit
 * @param work may say that the connection is of no use any more
 * @throws whatever `work` throws; what Postgres throws when the connection ends
 */
export async function within<T>(
  db: Db,
  ms: number | null,
  work: (client: Tx, discard: (error: Error) => void) => Promise<T>,
): Promise<T> {
  const client = await db.connect();
  let broken: Error | undefined;
  const discard = (error: Error) => {
    broken ??= error;
  };
  client.on('error', discard);
  const end = () => {
    discard(new TransientError('late', `the database took longer than ${ms} milliseconds`));
    // With a query on its way this closes the socket, without a goodbye that nobody would hear.
    void (client as Tx & Pick<pg.Client, 'end'>).end();
  };
  const timer = ms === null ? undefined : setTimeout(end, ms);
  try {
    return await work(client, discard);
  } finally {
    clearTimeout(timer);
    client.off('error', discard);
    client.release(broken);
  }
}

/**
 * Runs `work` in one transaction: commits when it returns, rolls back when it throws.
 * @param withinMs after which its connection ends, as in `within`
 * @throws whatever `work` throws; TransientError `commit_unknown` when the connection was lost while
 *   committing
 */
export function transaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  { withinMs = null }: { withinMs?: number | null } = {},
): Promise<T> {
  return within(db, withinMs, async (client, discard) => {
    try {
      await client.query('begin');
      const result = await work(client);
      try {
        await client.query('commit');
      } catch (error) {
        throw new TransientError(
          'commit_unknown',
          'The connection to Postgres was lost while committing; the work is tried again.',
          error,
        );
      }
      return result;
    } catch (error) {
      try {
        await client.query('rollback');
      } catch (rollbackError) {
        discard(rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError)));
      }
      throw error;
    }
  });
}
