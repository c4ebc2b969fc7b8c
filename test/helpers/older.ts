import { execFile } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { openPool, QUEUE_SCHEMA } from '../../services/shared/runtime/db.ts';
import { findBinaries, reachableBinaries, serverOwner } from '../../services/shared/runtime/embedded-binaries.ts';
import { migrate } from '../../services/store/schema/migrate.ts';
import { prepareQueue } from '../../services/store/schema/queue-schema.ts';
import { grantQueueRoles, grantRoles } from '../../services/store/schema/roles.ts';
import { freePort } from './services.ts';

const run = promisify(execFile);

export interface OlderServer {
  url: string;
  stop(): Promise<void>;
}

/**
 * The embedded Postgres as version 0.1.0 (commit 3ba4c26) made and started it: superuser `ruawatch`, `trust`
 * for all on the loopback address, no socket, a port that the system picked.
 */
export async function startOlder(dataDir: string): Promise<OlderServer> {
  mkdirSync(dataDir, { recursive: true });
  const owner = serverOwner();
  const binaries = reachableBinaries(await findBinaries(), dataDir, owner);
  const cluster = path.join(dataDir, 'postgres');
  const log = path.join(dataDir, 'postgres.log');
  const as = { ...(owner ?? {}), cwd: '/', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
  mkdirSync(cluster, { mode: 0o700 });
  closeSync(openSync(log, 'a'));
  if (owner) for (const file of [cluster, log]) chownSync(file, owner.uid, owner.gid);
  await run(
    binaries.initdb,
    ['-D', cluster, '-U', 'ruawatch', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'],
    as,
  );
  const port = await freePort();
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC -c max_wal_size=2GB`;
  await run(binaries.pg_ctl, ['-D', cluster, '-l', log, '-o', settings, '-w', '-t', '60', 'start'], as);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'ruawatch', database: 'postgres' });
  await client.connect();
  await client.query('create database ruawatch');
  await client.end();
  return {
    url: `postgres://ruawatch@127.0.0.1:${port}/ruawatch`,
    stop: async () => {
      await run(binaries.pg_ctl, ['-D', cluster, '-m', 'fast', '-w', 'stop'], as);
    },
  };
}

/** The schema, the queue's and the roles' rights, all the superuser's own, and a few rows. */
export async function fillOlder(url: string): Promise<void> {
  const db = openPool(url, { max: 1 });
  try {
    await migrate(db);
    await prepareQueue({ url, schema: QUEUE_SCHEMA, setting: 'DATABASE_URL' });
    await grantRoles(db);
    await grantQueueRoles(db, QUEUE_SCHEMA);
    await db.query("insert into ruawatch.mailboxes (mailbox, folder) values ('kept', 'INBOX')");
  } finally {
    await db.end();
  }
}
