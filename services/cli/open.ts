import path from 'node:path';
import { ownDomains } from '../report/hostname.ts';
import { DEFAULT_LIMITS } from '../report/limits.ts';
import { systemClock } from '../shared/clock.ts';
import {
  codeOf,
  isTransient,
  messageOf,
  PermanentError,
  RuawatchError,
  SettingsError,
  TransientError,
} from '../shared/errors.ts';
import { type Db, openPool, QUEUE_SCHEMA } from '../shared/runtime/db.ts';
import { firstClosedFolder } from '../shared/runtime/embedded-binaries.ts';
import { isInitialised } from '../shared/runtime/embedded-server.ts';
import { createLog, type Log } from '../shared/runtime/log.ts';
import { createMetrics, type Metrics } from '../shared/runtime/metrics.ts';
import type { Queues } from '../shared/runtime/queues.ts';
import { isLoading } from '../shared/runtime/redis-trouble.ts';
import type { Context } from '../shared/runtime/service.ts';
import type { Config } from '../shared/settings/config.ts';
import { type EmbeddedPostgres, openEmbedded } from '../store/schema/embedded.ts';
import { checkSchema, migrate, schemaVersion } from '../store/schema/migrate.ts';
import type { QueuePlace } from '../store/schema/queue-schema.ts';
import { grantRoles, rolesInUse } from '../store/schema/roles.ts';
import { type Watch, watchConnections } from '../store/schema/silent-connections.ts';
import { demoBeside } from './running-demo.ts';

export interface Opened {
  db: Db;
  url: string;
  /** Null when DATABASE_URL names the server. */
  embedded: EmbeddedPostgres | null;
  watch: Watch;
  close(): Promise<void>;
}

/** Where root's data is kept if the user that Postgres then runs as cannot enter the working folder. */
const ROOT_DATA_DIR = '/var/lib/ruawatch';

/**
 * Opens the database that the settings name, or the embedded one, and updates or checks its schema.
 * @param options.migrate updates the schema, which needs the right to change it only when a migration is
 *   pending; without it the schema must be up to date
 * @throws RuawatchError with one sentence: unreachable, wrong password, no such database, too old, too new
 */
async function openDatabase(
  config: Config,
  options: { migrate: boolean; max?: number; say?: (line: string) => void },
): Promise<Opened> {
  const embedded = config.databaseUrl === null ? await openEmbeddedOf(config, options.say) : null;
  const url = embedded?.url ?? config.databaseUrl!;
  const db = openPool(url, options.max === undefined ? {} : { max: options.max });
  const watch = watchConnections(db, url);
  const close = async () => {
    await db.end();
    watch.stop();
    await embedded?.close();
  };
  try {
    // Nobody else would fill the database of this folder that the command has just made.
    const made = embedded !== null && (await schemaVersion(db)) === 0;
    if (!options.migrate && !made) await checkSchema(db);
    else {
      await bringUp(db);
      // The login for people exists from the start; its role decides what it may read.
      if (embedded && !(await rolesInUse(db))) await grantRoles(db);
    }
  } catch (error) {
    await close();
    throw databaseError(error);
  }
  return { db, url, embedded, watch, close };
}

/** The database in the data folder. @param say receives what a person should know; stderr does without it */
export function openEmbeddedOf(config: Config, say?: (line: string) => void): Promise<EmbeddedPostgres> {
  return openEmbedded(dataDirOf(config, say), { port: config.postgresPort, ...(say ? { say } : {}) });
}

/**
 * Joins the embedded server that another ruawatch has started. @returns null when none runs: it is not
 * started
 */
export async function joinEmbeddedOf(config: Config, say: (line: string) => void): Promise<EmbeddedPostgres | null> {
  try {
    return await openEmbedded(dataDirOf(config, say), { port: config.postgresPort, say, join: true });
  } catch (error) {
    if (codeOf(error) === 'embedded_stopped') return null;
    throw error;
  }
}

/** Whether a folder has an embedded database of its own, beside that of a demo. */
export const hasOwnData = (config: Config): boolean => isInitialised({ dataDir: dataDirOf(config) });

/**
 * The settings of a command that is run beside a demo. Whoever tries one there means the demo, unless the
 * folder has data of its own or the settings name some. @param say is called with which data they are
 */
async function besideDemo(config: Config, say: (line: string) => void): Promise<Config> {
  const beside = demoBeside(config);
  if (beside === null) return config;
  const dataDir = dataDirOf({ ...config, dataDir: beside.home });
  if (hasOwnData(config)) {
    say(`These are your own data: the demo that runs here has others (RUAWATCH_DATA_DIR=${dataDir}).`);
    return config;
  }
  const dnsServers = config.dnsServers.length > 0 ? config.dnsServers : [beside.dns];
  const demo = { ...config, dataDir, dataDirChosen: true, consoleUrl: beside.console, dnsServers };
  const joined = await joinEmbeddedOf(demo, say);
  if (joined === null) return config;
  await joined.close();
  say('These are the data of the demo that runs here.');
  return demo;
}

/**
 * Runs a command's work on the database, over one connection and without migrating, and closes it. @returns
 * exit code 0
 */
export async function withDatabase(config: Config, work: (db: Db, config: Config) => Promise<void>): Promise<number> {
  const used = await besideDemo(config, (line) => process.stderr.write(`${line}\n`));
  const { db, close } = await openDatabase(used, { migrate: false, max: 1 });
  try {
    await work(db, used);
    return 0;
  } finally {
    await close();
  }
}

/**
 * Migrates, and grants rights on new tables where services have roles of their own. @returns the migrations
 * applied
 */
export async function bringUp(db: Db): Promise<string[]> {
  const applied = await migrate(db);
  if (applied.length > 0 && (await rolesInUse(db))) await grantRoles(db);
  return applied;
}

/** Where the queue is on Postgres. @param databaseUrl the URL of the main database, embedded or not */
export function queuePlace(config: Config, databaseUrl: string): QueuePlace {
  return config.queueDatabaseUrl === null
    ? { url: databaseUrl, schema: QUEUE_SCHEMA, setting: 'DATABASE_URL' }
    : { url: config.queueDatabaseUrl, schema: QUEUE_SCHEMA, setting: 'QUEUE_DATABASE_URL' };
}

/**
 * Opens the queues and waits for their first answer. On Postgres, missing tables are created first.
 * @param options.unchecked does not wait for Redis
 * @throws RuawatchError with one sentence
 */
async function openQueues(
  config: Config,
  databaseUrl: string,
  { log, metrics }: Pick<Context, 'log' | 'metrics'>,
  { unchecked = false }: Pick<ContextOptions, 'unchecked'> = {},
): Promise<Queues> {
  const place = queuePlace(config, databaseUrl);
  // Imported only where a queue is needed: BullMQ takes 12 MB.
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
  // Every queue finds a Redis that comes back, so whoever runs for long does not wait for it.
  if (unchecked && config.redisUrl !== null) return queues;
  try {
    await queues.check();
    return queues;
  } catch (error) {
    await queues.close();
    throw queueError(config, place, error);
  }
}

/** protocol_violation, undefined_table, undefined_function */
const POOLER_CODES = new Set(['08P01', '42P01', '42883']);

function queueError(config: Config, place: QueuePlace, error: unknown): RuawatchError {
  const said = messageOf(error);
  if (config.redisUrl !== null)
    return new TransientError(
      'queue',
      isLoading(error)
        ? `Redis cannot be used at the address in REDIS_URL yet (${said}): wait until it has done so.`
        : `Redis does not answer at the address in REDIS_URL (${said}): start it, correct REDIS_URL, or unset it to queue on Postgres.`,
      error,
    );
  // A pooler may refuse or drop the search_path that BullMQ sets, so that its tables are not found.
  if (POOLER_CODES.has(codeOf(error) ?? ''))
    return new PermanentError(
      'queue_pooled',
      `${place.setting} leads through a connection pooler, which the queue on Postgres cannot use (${said}): set QUEUE_DATABASE_URL to the server's own address, or REDIS_URL to queue on Redis.`,
      error,
    );
  return new TransientError('queue', `The queue on Postgres does not work: ${said}.`, error);
}

/**
 * The folder of the embedded database: as set, or the default, or ROOT_DATA_DIR if Postgres cannot enter the
 * default.
 */
export function dataDirOf(config: Config, say: (line: string) => void = () => undefined): string {
  if (config.dataDirChosen) return config.dataDir;
  const closed = firstClosedFolder(config.dataDir);
  if (closed === null) return config.dataDir;
  const name = path.basename(config.dataDir) === '.ruawatch' ? '' : path.basename(config.dataDir);
  const moved = path.join(ROOT_DATA_DIR, name);
  say(`The embedded Postgres cannot enter ${closed}; its data is kept in ${moved} instead.`);
  return moved;
}

/**
 * One sentence for an error of a Postgres client. Whatever the server or the network says may be otherwise
 * later (a server that starts, a database or login that is not created yet, a certificate), so it is
 * transient; our own errors stay as they are.
 * @param setting names the setting with the URL
 */
export function databaseError(error: unknown, setting = 'DATABASE_URL'): Error {
  if (error instanceof RuawatchError) return error;
  const code = codeOf(error);
  const said = messageOf(error);
  const advice: Record<string, string> = {
    '28P01': `The database refused the password: correct ${setting}.`,
    '28000': `The database refused the login (${said}): correct ${setting} or the server's pg_hba.conf.`,
    '3D000': `The database in ${setting} does not exist (${said}): create it, or correct its name.`,
    '42501': `The database user in ${setting} may not do this (${said}): use the owner of the schema or, where each service has a user of its own, run "ruawatch migrate --roles" as the owner.`,
    ECONNREFUSED: `The database in ${setting} cannot be reached (${said}): start Postgres, or correct the host and port.`,
    ENOTFOUND: `The host in ${setting} does not exist (${said}): correct it.`,
    EAI_AGAIN: `The host in ${setting} cannot be looked up (${said}): correct it, or check the name servers.`,
    ERR_TLS_CERT_ALTNAME_INVALID: `The server at ${setting} presents a certificate for another name (${said}): use the name in the certificate, or sslmode=verify-ca.`,
    CERT_HAS_EXPIRED: `The server at ${setting} presents a certificate that has expired: renew it there.`,
  };
  for (const unknown of UNKNOWN_CA) {
    advice[unknown] =
      `The certificate of the server at ${setting} was not issued by a CA that is trusted here (${said}): name the file with its CA in sslrootcert, such as ?sslmode=verify-full&sslrootcert=/etc/ssl/my-ca.pem.`;
  }
  const silent = isTransient(error) && /^[0-9A-Z]{5}$/.test(code ?? '') === false;
  const known =
    (code && advice[code]) ??
    noTls(said, setting) ??
    (silent ? `Postgres does not answer at the address in ${setting} (${said}): start it, or correct the host and port.` : null);
  const sentence = known ?? `The database in ${setting} cannot be used: ${said}.`;
  const passing = known !== null || isTransient(error);
  return passing ? new TransientError('database', sentence, error) : new PermanentError('database', sentence, error);
}

/** OpenSSL's codes for a chain that does not end at a trusted CA. */
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
  return `The server at ${setting} does not offer TLS: enable it there (ssl = on), or use sslmode=disable on a network that you trust.`;
}

interface ContextOptions {
  log?: Log;
  metrics?: Metrics;
  say?: (line: string) => void;
  /** Does not wait for Redis to answer. */
  unchecked?: boolean;
}

/**
 * Opens everything a pipeline needs: database (migrated), queues, log, metrics, clock.
 * @throws SettingsError, RuawatchError
 */
export async function openContext(config: Config, options: ContextOptions = {}): Promise<Context & Opened> {
  const context = await openWithoutQueues(config, options);
  let queues: Queues;
  try {
    queues = await openQueues(config, context.url, context, options);
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

/** What an import needs of a pipeline: it only adds jobs, when it is done. */
export type ImportContext = Omit<Context, 'queues'> & { queues: Pick<Queues, 'add'> };

/**
 * As `openContext`, but the queues are opened when the first job is added, so that they take no memory during
 * an import. As with any queue, adding returns false after a warning when it cannot be reached: the sweepers
 * find the rows.
 * @throws SettingsError, RuawatchError
 */
export async function openForImport(config: Config, options: ContextOptions = {}): Promise<ImportContext & Opened> {
  const context = await openWithoutQueues(config, options);
  let queues: Queues | null = null;
  const add: Queues['add'] = async (name, payload) => {
    try {
      queues ??= await openQueues(config, context.url, context);
    } catch (error) {
      context.log.warn({ err: messageOf(error) }, 'could not enqueue jobs; the sweepers will pick the work up');
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
    max: 5 + config.parser.concurrency * 2,
    ...(options.say ? { say: options.say } : {}),
  });
  return { ...opened, config, log, metrics: options.metrics ?? createMetrics(), clock: systemClock };
}

/** @throws SettingsError when ruawatch.yaml names a limit that does not exist, or a domain that is not one */
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
