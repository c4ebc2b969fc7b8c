import path from 'node:path';
import { DEFAULT_LIMITS } from '../report/limits.ts';
import { systemClock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { type Db, openPool } from '../shared/db.ts';
import { type EmbeddedPostgres, firstClosedFolder, openEmbedded } from '../shared/embedded.ts';
import { codeOf, messageOf, PermanentError, RuawatchError, SettingsError } from '../shared/errors.ts';
import { createLog, type Log } from '../shared/log.ts';
import { createMetrics } from '../shared/metrics.ts';
import { createQueues } from '../shared/queues.ts';
import type { Context } from '../shared/service.ts';
import { checkSchema, migrate } from '../store/migrate.ts';

export interface Opened {
  db: Db;
  url: string;
  /** Null when DATABASE_URL names the server. */
  embedded: EmbeddedPostgres | null;
  close(): Promise<void>;
}

/** Where root's data goes when the working folder is closed to the user that Postgres then runs as. */
const ROOT_DATA_DIR = '/var/lib/ruawatch';

/**
 * Opens the database that the settings name, or the embedded one, and brings or checks its schema.
 * @param options.migrate brings the schema up; otherwise it must already be there
 * @throws RuawatchError with one sentence: unreachable, wrong password, no such database, too old, too new
 */
export async function openDatabase(
  config: Config,
  options: { migrate: boolean; max?: number; say?: (line: string) => void },
): Promise<Opened> {
  let embedded: EmbeddedPostgres | null = null;
  if (config.databaseUrl === null) embedded = await openEmbedded(dataDirOf(config, options.say));
  const url = embedded?.url ?? config.databaseUrl!;
  const db = openPool(url, options.max === undefined ? {} : { max: options.max });
  const close = async () => {
    await db.end();
    await embedded?.close();
  };
  try {
    if (options.migrate) await migrate(db);
    else await checkSchema(db);
  } catch (error) {
    await close();
    throw databaseError(error);
  }
  return { db, url, embedded, close };
}

/** The folder of the embedded database: as set, or the default, moved when root's working folder is closed to it. */
export function dataDirOf(config: Config, say: (line: string) => void = () => undefined): string {
  if (config.dataDirChosen) return config.dataDir;
  const closed = firstClosedFolder(config.dataDir);
  if (closed === null) return config.dataDir;
  const name = path.basename(config.dataDir) === '.ruawatch' ? '' : path.basename(config.dataDir);
  const moved = path.join(ROOT_DATA_DIR, name);
  say(`The embedded Postgres may not enter ${closed}; its data is kept in ${moved} instead.`);
  return moved;
}

/** One sentence for what a Postgres client may throw when it connects. */
export function databaseError(error: unknown): Error {
  if (error instanceof RuawatchError) return error;
  const code = codeOf(error);
  const said = messageOf(error);
  const advice: Record<string, string> = {
    '28P01': 'The database refused the password: correct DATABASE_URL.',
    '28000': `The database refused the login (${said}): correct DATABASE_URL or the server's pg_hba.conf.`,
    '3D000': `The database of DATABASE_URL does not exist (${said}): create it, or correct its name.`,
    '42501': `The database user of DATABASE_URL may not do this (${said}): grant it the right, or use another user.`,
    ECONNREFUSED: `Nothing answers at the address of DATABASE_URL (${said}): start Postgres, or correct the host and port.`,
    ENOTFOUND: `The host of DATABASE_URL cannot be found (${said}): correct it.`,
    EAI_AGAIN: `The host of DATABASE_URL cannot be looked up (${said}): correct it, or mend the name service.`,
  };
  return new PermanentError('database', (code && advice[code]) ?? `The database of DATABASE_URL cannot be used: ${said}.`, error);
}

/**
 * Opens everything a pipeline needs: database (migrated), queues, log, metrics, clock.
 * @throws SettingsError, RuawatchError
 */
export async function openContext(
  config: Config,
  options: { log?: Log; say?: (line: string) => void } = {},
): Promise<Context & Opened> {
  checkLimits(config);
  const log = options.log ?? createLog(config.logLevel);
  const opened = await openDatabase(config, {
    migrate: true,
    max: 4 + config.parser.concurrency * 2,
    ...(options.say ? { say: options.say } : {}),
  });
  const metrics = createMetrics();
  const queues = createQueues({ redisUrl: config.redisUrl, databaseUrl: opened.url }, log, metrics);
  const close = async () => {
    await queues.close();
    await opened.close();
  };
  try {
    await queues.check();
  } catch (error) {
    await close();
    throw new PermanentError(
      'queue',
      config.redisUrl === null
        ? `The queue on Postgres does not work: ${messageOf(error)}.`
        : `Redis does not answer at the address of REDIS_URL (${messageOf(error)}): start it, correct REDIS_URL, or leave REDIS_URL out to queue on Postgres.`,
      error,
    );
  }
  return { ...opened, config, queues, log, metrics, clock: systemClock, close };
}

/** @throws SettingsError when ruawatch.yaml names a limit that does not exist */
export function checkLimits(config: Config): void {
  const unknown = Object.keys(config.limits).filter((name) => !(name in DEFAULT_LIMITS));
  if (unknown.length > 0) {
    throw new SettingsError(
      `Unknown setting ${unknown.map((n) => `"limits.${n}"`).join(', ')}: the limits are ${Object.keys(DEFAULT_LIMITS).join(', ')}.`,
    );
  }
}
