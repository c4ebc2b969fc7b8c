import type { Queryable } from '../../shared/runtime/db.ts';

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
