import path from 'node:path';
import { ownDomains } from '../report/hostname.ts';
import { DEFAULT_LIMITS } from '../report/limits.ts';
import { systemClock } from '../shared/clock.ts';
import { codeOf, messageOf, PermanentError, RuawatchError, SettingsError } from '../shared/errors.ts';
import { type Db, openPool, QUEUE_SCHEMA } from '../shared/runtime/db.ts';
import { firstClosedFolder } from '../shared/runtime/embedded-binaries.ts';
import { createLog, type Log } from '../shared/runtime/log.ts';
import { createMetrics, type Metrics } from '../shared/runtime/metrics.ts';
import type { Queues } from '../shared/runtime/queues.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Config } from '../shared/settings/config.ts';
import { type EmbeddedPostgres, openEmbedded } from '../store/schema/embedded.ts';
import { checkSchema, migrate } from '../store/schema/migrate.ts';
import type { QueuePlace } from '../store/schema/queue-schema.ts';
import { grantRoles, rolesInUse } from '../store/schema/roles.ts';

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
 * @param options.migrate brings the schema up, which needs rights to change it only when something is pending; otherwise it must
 * already be there
 * @throws RuawatchError with one sentence: unreachable, wrong password, no such database, too old, too new
 */
export async function openDatabase(
  config: Config,
  options: { migrate: boolean; max?: number; say?: (line: string) => void },
): Promise<Opened> {
  const embedded = config.databaseUrl === null ? await openEmbeddedOf(config, options.say) : null;
  const url = embedded?.url ?? config.databaseUrl!;
  const db = openPool(url, options.max === undefined ? {} : { max: options.max });
  const close = async () => {
    await db.end();
    await embedded?.close();
  };
  try {
    if (!options.migrate) await checkSchema(db);
    else {
      await bringUp(db);
      // The login of people who query exists from the start, and reads what its role may.
      if (embedded && !(await rolesInUse(db))) await grantRoles(db);
    }
  } catch (error) {
    await close();
    throw databaseError(error);
  }
  return { db, url, embedded, close };
}

/** The database under the data folder. @param say told what a person should know; on stderr when it is left out */
export function openEmbeddedOf(config: Config, say?: (line: string) => void): Promise<EmbeddedPostgres> {
  return openEmbedded(dataDirOf(config, say), { port: config.postgresPort, ...(say ? { say } : {}) });
}

/** Does a command's work on the database as it is, over one connection, and closes it. @returns the exit code 0 */
export async function withDatabase(config: Config, work: (db: Db) => Promise<void>): Promise<number> {
  const { db, close } = await openDatabase(config, { migrate: false, max: 1 });
  try {
    await work(db);
    return 0;
  } finally {
    await close();
  }
}

/** Migrates; where services have roles of their own, they get their rights on what is new. @returns the migrations applied */
export async function bringUp(db: Db): Promise<string[]> {
  const applied = await migrate(db);
  if (applied.length > 0 && (await rolesInUse(db))) await grantRoles(db);
  return applied;
}

/** Where the queue lies on Postgres. @param databaseUrl the main database's, embedded or not */
export function queuePlace(config: Config, databaseUrl: string): QueuePlace {
  return config.queueDatabaseUrl === null
    ? { url: databaseUrl, schema: QUEUE_SCHEMA, setting: 'DATABASE_URL' }
    : { url: config.queueDatabaseUrl, schema: QUEUE_SCHEMA, setting: 'QUEUE_DATABASE_URL' };
}

/**
 * Opens the queues and waits for their first answer. On Postgres, their tables are made first where they are missing.
 * @throws RuawatchError with one sentence
 */
export async function openQueues(config: Config, databaseUrl: string, log: Log, metrics: Metrics): Promise<Queues> {
  const place = queuePlace(config, databaseUrl);
  // Loaded by who needs a queue: BullMQ takes 12 MB.
  const { createQueues } = await import('../shared/runtime/queues.ts');
  const { prepareQueue } = await import('../store/schema/queue-schema.ts');
  if (config.redisUrl === null) {
    try {
      await prepareQueue(place);
    } catch (error) {
      throw databaseError(error, place.setting);
    }
  }
  const queues = createQueues({ redisUrl: config.redisUrl, databaseUrl: place.url, migrate: false }, log, metrics);
  try {
    await queues.check();
    return queues;
  } catch (error) {
    await queues.close();
    throw new PermanentError('queue', queueSentence(config, place, error), error);
  }
}

/** protocol_violation, undefined_table, undefined_function */
const POOLER_CODES = new Set(['08P01', '42P01', '42883']);

function queueSentence(config: Config, place: QueuePlace, error: unknown): string {
  const said = messageOf(error);
  if (config.redisUrl !== null)
    return `Redis does not answer at the address of REDIS_URL (${said}): start it, correct REDIS_URL, or leave REDIS_URL out to queue on Postgres.`;
  // A pooler that keeps connections apart may refuse the search_path that BullMQ asks for, or drop it: its tables are then not found.
  if (POOLER_CODES.has(codeOf(error) ?? ''))
    return `${place.setting} leads through a connection pooler, which the queue on Postgres cannot use (${said}): set QUEUE_DATABASE_URL to the server's own address, or REDIS_URL to queue on Redis.`;
  return `The queue on Postgres does not work: ${said}.`;
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

/** One sentence for what a Postgres client may throw when it connects. @param setting names the URL it connected to */
export function databaseError(error: unknown, setting = 'DATABASE_URL'): Error {
  if (error instanceof RuawatchError) return error;
  const code = codeOf(error);
  const said = messageOf(error);
  const advice: Record<string, string> = {
    '28P01': `The database refused the password: correct ${setting}.`,
    '28000': `The database refused the login (${said}): correct ${setting} or the server's pg_hba.conf.`,
    '3D000': `The database of ${setting} does not exist (${said}): create it, or correct its name.`,
    '42501': `The database user of ${setting} may not do this (${said}): use the user that owns the schema, or, where each service has a user of its own, run "ruawatch migrate --roles" as the owner.`,
    ECONNREFUSED: `Nothing answers at the address of ${setting} (${said}): start Postgres, or correct the host and port.`,
    ENOTFOUND: `The host of ${setting} cannot be found (${said}): correct it.`,
    EAI_AGAIN: `The host of ${setting} cannot be looked up (${said}): correct it, or mend the name service.`,
    ERR_TLS_CERT_ALTNAME_INVALID: `The server at ${setting} shows a certificate made out to another name (${said}): use the name it is made out to, or sslmode=verify-ca.`,
    CERT_HAS_EXPIRED: `The server at ${setting} shows a certificate that has expired: renew it there.`,
  };
  for (const unknown of UNKNOWN_CA) {
    advice[unknown] =
      `The certificate of the server at ${setting} is not of a CA that is trusted here (${said}): name the file of its CA in sslrootcert, such as ?sslmode=verify-full&sslrootcert=/etc/ssl/my-ca.pem.`;
  }
  const sentence = (code && advice[code]) ?? noTls(said, setting) ?? `The database of ${setting} cannot be used: ${said}.`;
  return new PermanentError('database', sentence, error);
}

/** OpenSSL's words for a chain that does not end at a trusted CA. */
const UNKNOWN_CA = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
];

function noTls(said: string, setting: string): string | null {
  if (!/does not support SSL/.test(said)) return null;
  return `The server at ${setting} does not offer TLS: switch it on there (ssl = on), or use sslmode=disable on a network that you trust.`;
}

type ContextOptions = { log?: Log; say?: (line: string) => void };

/**
 * Opens everything a pipeline needs: database (migrated), queues, log, metrics, clock.
 * @throws SettingsError, RuawatchError
 */
export async function openContext(config: Config, options: ContextOptions = {}): Promise<Context & Opened> {
  const context = await openWithoutQueues(config, options);
  let queues: Queues;
  try {
    queues = await openQueues(config, context.url, context.log, context.metrics);
  } catch (error) {
    await context.close();
    throw error;
  }
  const close = async () => {
    await queues.close();
    await context.close();
  };
  return { ...context, queues, close };
}

/** What an importer needs of a pipeline: its queues only wake others when it is done. */
export type ImportContext = Omit<Context, 'queues'> & { queues: Pick<Queues, 'add'> };

/**
 * As `openContext`, with queues that are opened when the first job is added, so that they take no memory beside an import. As with any
 * queue, adding answers false after a warning when it cannot be reached: the rows are there, and the services find them by themselves.
 * @throws SettingsError, RuawatchError
 */
export async function openForImport(config: Config, options: ContextOptions = {}): Promise<ImportContext & Opened> {
  const context = await openWithoutQueues(config, options);
  let queues: Queues | null = null;
  const add: Queues['add'] = async (name, payload) => {
    try {
      queues ??= await openQueues(config, context.url, context.log, context.metrics);
    } catch (error) {
      context.log.warn({ err: messageOf(error) }, 'nobody was woken: the services find the work when they look for it');
      return false;
    }
    return queues.add(name, payload);
  };
  const close = async () => {
    await queues?.close();
    await context.close();
  };
  return { ...context, queues: { add }, close };
}

async function openWithoutQueues(config: Config, options: ContextOptions): Promise<Omit<Context, 'queues'> & Opened> {
  checkNames(config);
  const log = options.log ?? createLog(config.logLevel);
  const opened = await openDatabase(config, {
    migrate: true,
    max: 4 + config.parser.concurrency * 2,
    ...(options.say ? { say: options.say } : {}),
  });
  return { ...opened, config, log, metrics: createMetrics(), clock: systemClock };
}

/** @throws SettingsError when ruawatch.yaml names a limit that does not exist, or a domain that is none */
export function checkNames(config: Config): void {
  const { wrong } = ownDomains(config.domains);
  if (wrong !== null) throw new SettingsError(`domains: ${wrong}`);
  const unknown = Object.keys(config.limits).filter((name) => !(name in DEFAULT_LIMITS));
  if (unknown.length > 0) {
    throw new SettingsError(
      `Unknown setting ${unknown.map((n) => `"limits.${n}"`).join(', ')}: the limits are ${Object.keys(DEFAULT_LIMITS).join(', ')}.`,
    );
  }
}
