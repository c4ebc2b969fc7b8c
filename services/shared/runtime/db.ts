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

/**
 * Opens a pool. int8 and numeric become numbers (counts stay far below 2^53), dates stay 'YYYY-MM-DD' texts, so that no time zone
 * changes a report day.
 * @param url a postgres:// URL; for its TLS parameters see postgres-url.ts
 * @param name shown in pg_stat_activity
 */
export function openPool(url: string, options: { max?: number; name?: string } = {}): Db {
  const pool = new pg.Pool({
    application_name: options.name ?? 'ruawatch',
    ...connectionSettings(url),
    max: options.max ?? 8,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
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
  // An idle client that loses its connection emits this; the next query gets a new client. Without a listener Node would exit.
  pool.on('error', () => pool.emit('ruawatch:idle-lost'));
  return pool;
}

/**
 * Runs `work` in one transaction: commits when it returns, rolls back when it throws.
 * A broken client is closed, not returned to the pool.
 * @throws whatever `work` throws; TransientError `commit_unknown` when the connection was lost while committing
 */
export async function transaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await db.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
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
      broken ??= rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    }
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
