import type { Queryable } from '../../shared/runtime/db.ts';

/** The version of the Postgres server, such as "17.2". */
export async function serverVersion(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ version: string }>("select current_setting('server_version') as version");
  return rows[0]!.version;
}

/** @throws when the database does not answer */
export async function ping(db: Queryable): Promise<void> {
  await db.query('select 1');
}
