import pg from 'pg';
import { connectionSettings } from '../../shared/settings/postgres-url.ts';
import { LEND_SCHEMA } from './lend-setup.ts';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 10_000;

/** A lent role as the server has it. */
export interface LentRole {
  name: string;
  can_login: boolean;
  valid_until: Date | null;
  group_names: string[];
  sessions: number;
}

/**
 * Does some work on a server that lends roles, over one connection of its own.
 * @param database another one of the same server
 */
export async function onLender<T>(url: string, work: (client: pg.Client) => Promise<T>, database?: string): Promise<T> {
  const client = new pg.Client({
    ...connectionSettings(url),
    ...(database === undefined ? {} : { database }),
    application_name: 'ruawatch access',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 1_000,
    lock_timeout: 3_000,
  });
  let lost: Error | null = null;
  client.on('error', (error) => {
    lost = error;
  });
  await client.connect();
  try {
    const result = await work(client);
    if (lost !== null) throw lost;
    return result;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Makes a role, or finds it made. @returns when the server itself refuses further logins */
export async function lendRole(
  client: pg.Client,
  role: { name: string; verifier: string; group: string; seconds: number; connections: number },
): Promise<Date> {
  const { rows } = await client.query<{ until: Date }>(`select ${LEND_SCHEMA}.lend($1, $2, $3, $4, $5) as until`, [
    role.name,
    role.verifier,
    role.group,
    role.seconds,
    role.connections,
  ]);
  return rows[0]!.until;
}

/** From now on nobody logs in as the role. @returns false when there is none */
export async function closeRole(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`select ${LEND_SCHEMA}.close($1) as there`, [name]);
  return rows[0]!.there;
}

/** Ends the sessions of a role. @returns how many there were */
export async function cutSessions(client: pg.Client, name: string): Promise<number> {
  const { rows } = await client.query<{ cut: string }>(`select ${LEND_SCHEMA}.cut($1) as cut`, [name]);
  return Number(rows[0]!.cut);
}

/** The databases of the server in which a role has something left. */
export async function leftIn(client: pg.Client, name: string): Promise<string[]> {
  const { rows } = await client.query<{ database: string }>(`select ${LEND_SCHEMA}.left_in($1) as database`, [name]);
  return rows.map(({ database }) => database);
}

/** Takes what a closed role has in the database of this connection. */
export async function clearRole(client: pg.Client, name: string): Promise<void> {
  await client.query(`select ${LEND_SCHEMA}.clear($1)`, [name]);
}

/** Removes a closed role that has nothing left. */
export async function removeRole(client: pg.Client, name: string): Promise<void> {
  await client.query(`select ${LEND_SCHEMA}.remove($1)`, [name]);
}

/** The roles of a server whose names begin with a mark. */
export async function lentRoles(client: pg.Client, mark: string): Promise<LentRole[]> {
  const { rows } = await client.query<LentRole>(
    `select name, can_login, valid_until, group_names, sessions::int as sessions from ${LEND_SCHEMA}.lent($1) order by name`,
    [mark],
  );
  return rows;
}
