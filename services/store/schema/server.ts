import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

const OLDEST_POSTGRES = 14;

/** @throws when the database does not answer */
export async function ping(db: Queryable): Promise<void> {
  await db.query('select 1');
}

/** What must be known of a server before a schema is made on it. */
export interface ServerFacts {
  /** Such as "17.2". */
  version: string;
  major: number;
  /** The encoding of the database, such as "UTF8". */
  encoding: string;
}

export async function serverFacts(db: Queryable): Promise<ServerFacts> {
  const { rows } = await db.query<ServerFacts>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
            current_setting('server_encoding') as encoding`,
  );
  return rows[0]!;
}

/** @throws PermanentError `database_too_old`, `database_encoding` when no schema can be made there */
export function refuseUnfit({ version, major, encoding }: ServerFacts): void {
  if (major < OLDEST_POSTGRES)
    throw new PermanentError(
      'database_too_old',
      `The database is Postgres ${version}; ruawatch needs ${OLDEST_POSTGRES} or newer.`,
    );
  if (encoding !== 'UTF8')
    throw new PermanentError(
      'database_encoding',
      `The database in DATABASE_URL has the encoding ${encoding}, which cannot hold what reports contain: create one with "create database … encoding 'UTF8' template template0".`,
    );
}
