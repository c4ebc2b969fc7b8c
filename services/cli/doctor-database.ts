import { PermanentError } from '../shared/errors.ts';
import { type Db, openPool } from '../shared/runtime/db.ts';
import { refuseUnwritable, unwritable } from '../shared/runtime/embedded-binaries.ts';
import { clusterVersion } from '../shared/runtime/embedded-server.ts';
import { redisFacts } from '../shared/runtime/redis-facts.ts';
import type { Config } from '../shared/settings/config.ts';
import { countMessages } from '../store/messages/messages.ts';
import type { EmbeddedPostgres } from '../store/schema/embedded.ts';
import { readMigrations, schemaVersion } from '../store/schema/migrate.ts';
import { queueState } from '../store/schema/queue-schema.ts';
import { refuseUnfit, serverFacts } from '../store/schema/server.ts';
import type { Checks, Note } from './doctor-checks.ts';
import { databaseError, dataDirOf, joinEmbeddedOf, queuePlace } from './open.ts';

/** What is silent is told by its own error, which says more than that a check took ten seconds. */
const DOCTOR = { max: 2, name: 'ruawatch doctor', connectMs: 8_000, queryMs: 8_000 };

/** A database that is looked at and not changed. */
export interface Looked {
  db: Db;
  url: string;
  /** Whether its schema is this program's, so that it can be asked about its contents. */
  current: boolean;
  close(): Promise<void>;
}

/** Looks at the database without migrating it. @returns null when it cannot be used, or does not exist yet */
export async function lookAtDatabase(config: Config, checks: Checks): Promise<Looked | null> {
  const dataDir = dataDirOf(config);
  const cluster = config.databaseUrl === null ? clusterVersion({ dataDir }) : null;
  if (config.databaseUrl === null && cluster === null) {
    await checks.run('database', async () => {
      refuseUnwritable(dataDir, unwritable(dataDir));
      return { note: `embedded; it does not exist yet, and start creates it in ${dataDir}` };
    });
    return null;
  }
  const opened: { embedded: EmbeddedPostgres | null; db: Db | null; current: boolean } = {
    embedded: null,
    db: null,
    current: false,
  };
  const close = async () => {
    await opened.db?.end();
    await opened.embedded?.close();
  };
  await checks.run('database', async () => {
    if (config.databaseUrl === null) {
      // Started by another ruawatch, it is shared with that; to start it would be a change.
      opened.embedded = await joinEmbeddedOf(config, (line) => checks.note('database', line));
      if (opened.embedded === null) return { note: stoppedLine(cluster!, dataDir) };
    }
    const db = openPool(opened.embedded?.url ?? config.databaseUrl!, DOCTOR);
    opened.db = db;
    try {
      const server = await serverLine(db, opened.embedded);
      const schema = await schemaLine(db);
      opened.current = schema === null;
      return opened.current ? `${server}; ${await contentsLine(db)}` : { note: `${server}; ${schema}` };
    } catch (error) {
      throw databaseError(error);
    }
  });
  const { db, embedded, current } = opened;
  if (db === null || checks.failed) {
    await close();
    return null;
  }
  return { db, url: embedded?.url ?? config.databaseUrl!, current, close };
}

function stoppedLine(version: string, dataDir: string): string {
  return `embedded, Postgres ${version} in ${dataDir}; it does not run at present, so what it holds was not looked at: start starts it, and brings its schema up to date. Run doctor again then.`;
}

/** @throws PermanentError when the server or the database is not fit for the schema */
async function serverLine(db: Db, embedded: EmbeddedPostgres | null): Promise<string> {
  const facts = await serverFacts(db);
  refuseUnfit(facts);
  const { version, encoding } = facts;
  return `Postgres ${version}, ${encoding}${embedded ? ` (embedded; psql ${embedded.readerUrl})` : ''}`;
}

/**
 * What `start` would do to the schema; null when that is nothing. @throws PermanentError when the schema is
 * newer
 */
async function schemaLine(db: Db): Promise<string | null> {
  const at = await schemaVersion(db);
  const needed = readMigrations().length;
  if (at === needed) return null;
  if (at > needed)
    throw new PermanentError(
      'database_newer',
      `The database schema is at version ${at}, newer than this program's ${needed}: run the newer ruawatch that created it.`,
    );
  return at === 0
    ? `it has no schema yet: start (or ruawatch migrate) creates it, at version ${needed}`
    : `its schema is at version ${at}: start (or ruawatch migrate) brings it to version ${needed} first, which does not lose data; back it up before`;
}

async function contentsLine(db: Db): Promise<string> {
  const counts = await countMessages(db);
  const held = counts.quarantined + counts.failed;
  const hint = held > 0 ? `, ${held} quarantined or failed: ruawatch messages list --state quarantined failed` : '';
  return `its schema is up to date; ${counts.stored} messages stored, ${counts.received} waiting${hint}`;
}

/** Looks at the queue without creating its tables. */
export async function lookAtQueue(config: Config, database: Looked | null, checks: Checks): Promise<void> {
  const { redisUrl, queueDatabaseUrl } = config;
  if (redisUrl === null && queueDatabaseUrl === null && database === null) {
    checks.note('queue', 'on Postgres, in the database');
    return;
  }
  await checks.run('queue', async (): Promise<string | Note> => {
    if (redisUrl !== null) {
      const { version, policy } = await redisFacts(redisUrl);
      if (policy === null || policy === 'noeviction')
        return `Redis ${version}${policy === null ? '' : `, maxmemory-policy ${policy}`}`;
      return {
        note: `Redis ${version} has maxmemory-policy ${policy}, so it may drop jobs when its memory is full; their work is found again only after minutes. Set maxmemory-policy noeviction.`,
      };
    }
    const place = queuePlace(config, database?.url ?? '');
    try {
      const state = await queueState(place);
      if (state === 'current') return 'on Postgres';
      return state === 'missing' ? 'on Postgres; start creates its tables' : 'on Postgres; start updates its tables';
    } catch (error) {
      throw databaseError(error, place.setting);
    }
  });
}
