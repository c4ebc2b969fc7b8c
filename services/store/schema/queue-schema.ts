import pg from 'pg';
import { codeOf, messageOf, PermanentError } from '../../shared/errors.ts';
import { library } from '../../shared/library.ts';
import { connectionSettings } from '../../shared/settings/postgres-url.ts';
import { prepareLocks, useLocks } from './queue-locks.ts';

const { assertSchemaCompatibility, LATEST_SCHEMA_VERSION, runMigrations, SchemaMigrationRequiredError } = library(
  'bullmq',
) as typeof import('bullmq');

export interface QueuePlace {
  url: string;
  schema: string;
  /** The setting that `url` comes from, for messages. */
  setting: string;
}

/**
 * Statements sent to detect a pooler: one that hands out its server connections in turn is detected within a
 * round.
 */
const PROBES = 20;

/** A step of a migration of the queue, in milliseconds: its tables hold hours of work and not years. */
const LONGEST_MS = 120_000;

/**
 * Brings BullMQ's own tables up to its version. Changes nothing when they are up to date, so that a service's
 * user needs no right to change them. Safe to run from any number of processes at once (BullMQ holds a lock,
 * which queue-locks.ts keeps out of readers' reach).
 * @returns the version of the queue's schema
 * @throws PermanentError `queue_pooled` behind a pooler that changes connections between statements;
 * `queue_schema` when the tables are missing or older and this user may not make them; else the driver's
 * error when the server cannot be reached
 */
export async function prepareQueue(place: QueuePlace): Promise<number> {
  const client = open(place);
  try {
    await client.connect();
    await refusePooler(client, place);
    let version = await versionOf(client, place);
    await prepareLocks(client, place.schema);
    if (version < LATEST_SCHEMA_VERSION) version = await runMigrations(client, place.schema);
    await useLocks(client, place.schema);
    return version;
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    throw new PermanentError(
      'queue_schema',
      `The queue's tables (schema ${place.schema}) are missing or older than this program, or closed to this database user, which may not create them (${messageOf(error)}): run "ruawatch migrate" as the user that owns the schema, with --roles where each service has its own user.`,
      error,
    );
  } finally {
    await client.end();
  }
}

/**
 * How the queue's tables are, without changing anything.
 * @throws the driver's error when the server cannot be reached; PermanentError `queue_pooled`
 */
export async function queueState(place: QueuePlace): Promise<'missing' | 'older' | 'current'> {
  const client = open(place);
  try {
    await client.connect();
    await refusePooler(client, place);
    const version = await versionOf(client, place);
    return version === 0 ? 'missing' : version < LATEST_SCHEMA_VERSION ? 'older' : 'current';
  } finally {
    await client.end();
  }
}

/** 0 when there is none. @throws Postgres' 42501 when the schema is closed to this user */
async function versionOf(client: pg.Client, place: QueuePlace): Promise<number> {
  try {
    return await assertSchemaCompatibility(client, place.schema);
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return 0;
    throw error;
  }
}

/**
 * BullMQ listens for notifications and sets a search_path, both of which belong to one server connection.
 * Behind a pooler in transaction mode, jobs would wait for notifications that never come. Such a pooler is
 * detected when one connection of ours reaches the server process of another. A process id that differs from
 * the one announced at login is not enough: a proxy that keeps connections apart announces its own too.
 */
async function refusePooler(client: pg.Client, place: QueuePlace): Promise<void> {
  const mine = await processOf(client);
  if ((client as { processID?: number }).processID === mine) return;
  const other = open(place);
  try {
    await other.connect();
    for (let i = 0; i < PROBES; i++) {
      if ((await processOf(other)) === mine || (await processOf(client)) !== mine) {
        throw new PermanentError(
          'queue_pooled',
          `${place.setting} leads through a connection pooler in transaction mode, which the queue on Postgres cannot use: set QUEUE_DATABASE_URL to the server's own address, or REDIS_URL to queue on Redis.`,
        );
      }
    }
  } finally {
    await other.end();
  }
}

async function processOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]!.pid;
}

function open({ url, setting }: QueuePlace): pg.Client {
  const client = new pg.Client({
    application_name: 'ruawatch queue',
    ...connectionSettings(url, setting),
    connectionTimeoutMillis: 10_000,
    query_timeout: LONGEST_MS,
    keepAlive: true,
  });
  // The running query reports it too; without a listener Node would exit.
  client.on('error', () => client.emit('ruawatch:lost'));
  return client;
}
