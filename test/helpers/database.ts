import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Db, openPool } from '../../services/shared/db.ts';
import { READER } from '../../services/shared/embedded-secrets.ts';
import { migrate } from '../../services/store/migrate.ts';
import { ROLES } from '../../services/store/roles.ts';

export interface TestDatabase {
  url: string;
  db: Db;
  drop(): Promise<void>;
}

/**
 * A fresh, migrated database on the run's own Postgres (test/helpers/global.ts starts it and prepares the template).
 * `empty` leaves out the schema.
 */
export async function testDatabase(options: { empty?: boolean; max?: number } = {}): Promise<TestDatabase> {
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: test/helpers/global.ts should have set it');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await admin(server, `create database ${name} template ${options.empty ? 'template0' : TEMPLATE}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { name: 'ruawatch test', max: options.max ?? 8 });
  return {
    url: url.href,
    db,
    async drop() {
      await db.end();
      await admin(server, `drop database if exists ${name} with (force)`);
    },
  };
}

export const TEMPLATE = 'ruawatch_template';

/** Makes the template that every test database is cloned from. */
export async function makeTemplate(server: string): Promise<void> {
  await admin(server, `create database ${TEMPLATE}`);
  const url = new URL(server);
  url.pathname = `/${TEMPLATE}`;
  const db = openPool(url.href, { name: 'ruawatch template', max: 1 });
  try {
    await migrate(db);
  } finally {
    await db.end();
  }
}

/** Takes the roles away that the embedded server has from the start: to the suites it is a Postgres of one's own. */
export async function withoutRoles(url: string): Promise<void> {
  const all = [READER, ...ROLES].join(', ');
  await admin(url, `drop owned by ${all}; drop role ${all}`);
}

async function admin(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  client.on('error', () => client.emit('test:lost'));
  await client.connect();
  try {
    // Cloning fails while another session is still connected to the template; concurrent clones wait on this lock.
    await client.query('select pg_advisory_lock(42)');
    await client.query(sql);
  } finally {
    await client.end();
  }
}
