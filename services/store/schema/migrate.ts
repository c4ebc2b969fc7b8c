import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sleep } from '../../shared/clock.ts';
import { codeOf, messageOf, PermanentError, TransientError } from '../../shared/errors.ts';
import { programFolder } from '../../shared/program-folder.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { lockSchema, sessionsUsing } from '../locks.ts';
import { writeComments } from './comments.ts';
import { makeOnce } from './made-meanwhile.ts';
import { refuseUnfit, serverFacts } from './server.ts';

export interface Migration {
  version: number;
  name: string;
  sql: string;
}

/**
 * How long a step waits for a table that is in use: all others queue up behind it meanwhile. Then it lets
 * them through and tries again, for three minutes in all.
 */
const LOCK_WAIT_MS = 3_000;
const TRIES = 40;
/**
 * lock_not_available; and deadlock_detected, when a running service holds one table and waits for the next,
 * as the migration does.
 */
const IN_USE = new Set(['55P03', '40P01']);

/**
 * Reads NNNN_name.sql files in the order of their numbers.
 * @throws PermanentError when a number is missing or occurs twice
 */
export function readMigrations(folder: string = path.join(programFolder(), 'migrations')): Migration[] {
  const migrations = readdirSync(folder)
    .filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    .sort()
    .map((file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: readFileSync(path.join(folder, file), 'utf8'),
    }));
  for (const [i, migration] of migrations.entries()) {
    if (migration.version !== i + 1)
      throw new PermanentError('migrations_broken', `Migration ${i + 1} is missing or occurs twice; reinstall ruawatch.`);
  }
  return migrations;
}

/**
 * Brings the schema up to this program's version, all pending steps in one transaction under a lock on the
 * table of migrations: safe to run twice, and by any number of processes at once. Changes nothing when
 * nothing is pending, so that a user without rights on the schema can run a service.
 * @returns the names of the migrations that this call applied
 * @throws PermanentError `database_newer` when the database has migrations that this program does not;
 *   `database_older` when some are pending and this user may not apply them; `database_too_old` below
 *   Postgres 14; `database_encoding` where the database is not UTF8; TransientError `schema_in_use` when
 *   other sessions keep a table in use that must change
 */
export async function migrate(
  db: Db,
  migrations: Migration[] = readMigrations(),
  patience: { tries: number; waitMs: number } = { tries: TRIES, waitMs: LOCK_WAIT_MS },
): Promise<string[]> {
  const at = await schemaVersion(db);
  refuseNewer(at, migrations);
  if (at === migrations.length) return [];
  try {
    await createMigrationsTable(db);
    return await applyWithRetries(db, migrations, patience);
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    throw new PermanentError(
      'database_older',
      `The database schema is at version ${at}, this program needs ${migrations.length}, and this database user may not change it (${messageOf(error)}): run "ruawatch migrate" as the user that owns the schema.`,
      error,
    );
  }
}

/** Creates the table of applied migrations, empty at first. Migrations lock it. */
async function createMigrationsTable(db: Db): Promise<void> {
  refuseUnfit(await serverFacts(db));
  await makeOnce(async () => {
    await db.query('create schema if not exists ruawatch');
    await db.query(
      'create table if not exists ruawatch.migrations (version integer primary key, name text not null, applied_at timestamptz not null default now())',
    );
  });
}

async function applyWithRetries(
  db: Db,
  migrations: Migration[],
  { tries, waitMs }: { tries: number; waitMs: number },
): Promise<string[]> {
  for (let n = 1; ; n++) {
    try {
      return await applyPending(db, migrations, waitMs);
    } catch (error) {
      if (!IN_USE.has(codeOf(error) ?? '')) throw error;
      if (n < tries) {
        await sleep(500 + Math.random() * 1_500);
        continue;
      }
      const who = await sessionsUsing(db);
      throw new TransientError(
        'schema_in_use',
        `The database schema cannot be updated while other sessions have its tables in use${who.length === 0 ? '' : `: ${who.join(', ')}`}. End their transactions, or the sessions with pg_terminate_backend(process), then try again.`,
        error,
      );
    }
  }
}

async function applyPending(db: Db, migrations: Migration[], waitMs: number): Promise<string[]> {
  return transaction(db, async (tx) => {
    // Waits for another migration as long as that takes; readers cannot hold this lock.
    await lockSchema(tx);
    await tx.query(`set local lock_timeout = ${Math.round(waitMs)}`);
    const at = await appliedVersion(tx);
    refuseNewer(at, migrations);
    const applied: string[] = [];
    for (const migration of migrations.slice(at)) {
      await tx.query(migration.sql);
      await tx.query('insert into ruawatch.migrations (version, name) values ($1, $2)', [migration.version, migration.name]);
      applied.push(`${String(migration.version).padStart(4, '0')}_${migration.name}`);
    }
    if (applied.length > 0) await writeComments(tx);
    return applied;
  });
}

/**
 * Checks that the schema is exactly this program's version, and changes nothing.
 * @throws PermanentError `database_older` or `database_newer`
 */
export async function checkSchema(db: Db, migrations: Migration[] = readMigrations()): Promise<number> {
  const at = await schemaVersion(db);
  refuseNewer(at, migrations);
  if (at < migrations.length) {
    throw new PermanentError(
      'database_older',
      `The database schema is at version ${at}, this program needs ${migrations.length}: run "ruawatch migrate".`,
    );
  }
  return at;
}

/** The version of the schema that is there; 0 when there is none. Changes nothing. */
export async function schemaVersion(db: Db): Promise<number> {
  const { rows } = await db.query<{ there: boolean }>("select to_regclass('ruawatch.migrations') is not null as there");
  return rows[0]!.there ? appliedVersion(db) : 0;
}

async function appliedVersion(db: Pick<Db, 'query'>): Promise<number> {
  const { rows } = await db.query<{ at: number }>('select coalesce(max(version), 0)::int as at from ruawatch.migrations');
  return rows[0]!.at;
}

function refuseNewer(at: number, migrations: Migration[]): void {
  if (at > migrations.length) {
    throw new PermanentError(
      'database_newer',
      `The database schema is at version ${at}, newer than this program's ${migrations.length}: run the newer ruawatch that created it.`,
    );
  }
}
