import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { databaseGrant } from '../../services/requests/grants/database.ts';
import { planGrant } from '../../services/requests/plans/grant.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { scramVerifier } from '../../services/shared/runtime/embedded-secrets.ts';
import type { Access, LendingDatabase } from '../../services/shared/settings/access.ts';
import { type Grant, grantOf } from '../../services/store/grants/grants.ts';
import { lendSetup } from '../../services/store/grants/lend-setup.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { rulesOf } from '../requests/sample.ts';
import { admin } from './database.ts';

/** A server that lends the roles app_readers and app_writers, with a table that they may read or write. */
export interface Lender {
  access: Access;
  server: LendingDatabase;
  /** As the superuser. */
  sql(text: string): Promise<void>;
  rows<T>(text: string, values?: unknown[]): Promise<T[]>;
  /** A session of a lent role. */
  login(name: string, password: string, database?: string): Promise<pg.Client>;
  /** Sets up another database of the server to lend. */
  setUp(database: string): Promise<void>;
  close(): Promise<void>;
}

/** @param base a URL of the server's superuser @param database of the server, which must not exist */
export async function makeLender(base: string, given: Partial<LendingDatabase> = {}): Promise<Lender> {
  const tag = randomBytes(4).toString('hex');
  const database = `lend_${tag}`;
  const [readers, writers, service] = [`readers_${tag}`, `writers_${tag}`, `lender_${tag}`];
  await admin(base, `create database ${database}`);
  const url = new URL(base);
  url.pathname = `/${database}`;
  const boss = new pg.Client({ connectionString: url.href });
  boss.on('error', () => undefined);
  await boss.connect();
  const password = randomBytes(18).toString('hex');
  await boss.query(`
    create role ${readers} nologin; create role ${writers} nologin; create role ${service} login password '${scramVerifier(password)}';
    revoke create on schema public from public;
    create table items (id int, text text); insert into items values (1, 'one');
    grant select on items to ${readers}, ${writers}; grant insert, update on items to ${writers}`);
  await boss.query(lendSetup(service, [readers, writers]));
  const login = new URL(url);
  login.username = service;
  login.password = password;
  const server: LendingDatabase = {
    name: 'main',
    groups: [readers, writers],
    for: [],
    services: [],
    longestSeconds: 86_400,
    risk: 'medium',
    connections: 5,
    logFolder: null,
    url: () => login.href,
    ...given,
  };
  const open: pg.Client[] = [];
  const cleared: string[] = [];
  return {
    access: { unwatchedMs: 900_000, databases: [server], dns: [], mail: [], providers: [], console: null },
    server,
    sql: async (text) => void (await boss.query(text)),
    rows: async (text, values) => (await boss.query(text, values)).rows,
    async login(name, secret, other = database) {
      const client = new pg.Client({ host: url.hostname, port: Number(url.port), user: name, password: secret, database: other });
      client.on('error', () => undefined);
      await client.connect();
      open.push(client);
      return client;
    },
    async setUp(other) {
      const there = new URL(base);
      there.pathname = `/${other}`;
      await admin(there.href, lendSetup(service, [readers, writers]));
      cleared.push(there.href);
    },
    async close() {
      for (const there of cleared) await admin(there, `drop owned by ${service}; drop schema ruawatch_lend cascade`);
      for (const one of open) await one.end().catch(() => undefined);
      await boss.query(`drop owned by ${service}; drop schema ruawatch_lend cascade`);
      await boss.end();
      await admin(base, `drop database ${database} with (force)`);
      await admin(base, `drop role ${service}; drop role ${readers}; drop role ${writers}`);
    },
  };
}

/**
 * Gives a database a mark of its own: test databases are copies of one, and end each other's roles otherwise.
 */
export async function ownMark(db: Db): Promise<void> {
  await db.query('update ruawatch.grant_watch set installation = $1', [randomBytes(4).toString('hex')]);
}

export const AUTOMATIC = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 100_000 } });

/** Asks for a role. @returns the grant and its password */
export async function askForRole(
  db: Db,
  { server }: Pick<Lender, 'server'>,
  given: { seconds?: number; uses?: number; group?: string; holder?: string; rules?: typeof AUTOMATIC } = {},
): Promise<{ grant: Grant; password: string }> {
  const password = randomBytes(18).toString('base64url');
  const credential = scramVerifier(password);
  const { seconds = 3600, uses = null, group = server.groups[0]!, holder = 'ada@example.com', rules = AUTOMATIC } = given;
  const plan = planGrant({
    kind: databaseGrant.kind,
    domain: '*',
    holder,
    holder_kind: 'person',
    groups: [...server.for],
    server: server.name,
    scope: { group },
    seconds,
    uses,
    credential,
    risk: server.risk,
  });
  const key = await openRequest(db, rules, { plan, requester: holder, requester_kind: 'person', why: 'to look', credential });
  return { grant: await grantOf(db, key!), password };
}
