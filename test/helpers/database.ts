import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Db, openPool, QUEUE_SCHEMA } from '../../services/shared/runtime/db.ts';
import { READER } from '../../services/shared/runtime/embedded-secrets.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { migrate } from '../../services/store/schema/migrate.ts';
import { prepareQueue } from '../../services/store/schema/queue-schema.ts';
import { ROLES } from '../../services/store/schema/role-rights.ts';

export interface TestDatabase {
  url: string;
  db: Db;
  drop(): Promise<void>;
}

/**
 * A fresh, migrated database, with the tables of the queue, on the run's own Postgres (test/helpers/global.ts
 * starts it and prepares the template). `empty` leaves out the schema. Every domain is own, unless `own` is
 * false: most tests are of what is found of domains that are.
 */
export async function testDatabase(options: { empty?: boolean; max?: number; own?: boolean } = {}): Promise<TestDatabase> {
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: test/helpers/global.ts should have set it');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await admin(server, `create database ${name} template ${options.empty ? 'template0' : TEMPLATE} strategy file_copy`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { name: 'ruawatch test', max: options.max ?? 8 });
  if (options.own === false) await db.query('delete from ruawatch.domains');
  return {
    url: url.href,
    db,
    async drop() {
      await db.end();
      await admin(server, `drop database if exists ${name} with (force)`);
    },
  };
}

const TEMPLATE = 'ruawatch_template';

/** Names below an own domain are own. */
const OWN = ['example', 'test', 'com', 'net', 'org', 'de', 'uk', 'io', 'edu', 'rf', 'xn--p1ai'];

/** Makes all domains of tests own, in a database that was not cloned from the template. */
async function ownAll(db: Db): Promise<void> {
  await putOwn(db, OWN, 'listed', { now: new Date(0), ignored: true });
  await db.query('update ruawatch.domains set history = false, due_at = null');
}

/** Makes the template that every test database is cloned from. */
export async function makeTemplate(server: string): Promise<void> {
  await admin(server, `create database ${TEMPLATE}`);
  const url = new URL(server);
  url.pathname = `/${TEMPLATE}`;
  const db = openPool(url.href, { name: 'ruawatch template', max: 1 });
  try {
    await migrate(db);
    await prepareQueue({ url: url.href, schema: QUEUE_SCHEMA, setting: 'TEST_POSTGRES_URL' });
    await ownAll(db);
  } finally {
    await db.end();
  }
}

/**
 * Takes the roles away that the embedded server has from the start: to the suites it is a Postgres of one's
 * own.
 */
export async function withoutRoles(url: string): Promise<void> {
  const all = [READER, ...ROLES].join(', ');
  await admin(url, `drop owned by ${all}; drop role ${all}`);
}

/** Runs statements as the superuser of a server. */
export async function admin(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  client.on('error', () => client.emit('test:lost'));
  await client.connect();
  try {
    // Cloning fails while another session is still connected to the template; concurrent clones wait on this
    // lock.
    await client.query('select pg_advisory_lock(42)');
    await client.query(sql);
  } finally {
    await client.end();
  }
}
