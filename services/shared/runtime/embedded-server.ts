import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { sleep } from '../clock.ts';
import { codeOf, messageOf, PermanentError } from '../errors.ts';
import type { Binaries, Owner } from './embedded-binaries.ts';

const run = promisify(execFile);

export interface Cluster {
  dataDir: string;
  binaries: Binaries;
  /** Null when the server runs as the current user. */
  owner: Owner | null;
}

/** Where a running server listens. */
export interface Listening {
  pid: number;
  port: number;
  /** Whether it has a socket in its folder, which only its owner and root can enter. */
  socket: boolean;
}

export const folderOf = (cluster: Pick<Cluster, 'dataDir'>) => path.join(cluster.dataDir, 'postgres');
const LOG = 'postgres.log';
const logOf = (cluster: Cluster) => path.join(cluster.dataDir, LOG);

/**
 * Below the range that systems use for outgoing connections, so that the port is likely to be free at the
 * next start.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
/** The longest path in sockaddr_un without its terminator: 108 bytes on Linux, 104 on BSD and macOS. */
const SOCKET_PATH_BYTES = 103;
const DRAFT = 'postgres.new-';
/** Ten tries a second. */
const TRIES = 600;

/** Every connection needs a password. The server listens on the loopback address only. */
const HBA = `# Written by ruawatch at every start of the server: changes are lost.
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
`;

/**
 * Creates the cluster, which rejects every connection until its superuser has a password. It is renamed into
 * place when it is complete, since initdb writes the file that identifies a cluster early, and keeps running
 * when we are killed.
 * @throws PermanentError `embedded_start`
 */
export async function initialise(cluster: Cluster, superuser: string): Promise<void> {
  const remove = { recursive: true, force: true, maxRetries: 5 } as const;
  for (const left of readdirSync(cluster.dataDir)) {
    if (left.startsWith(DRAFT)) rmSync(path.join(cluster.dataDir, left), remove);
  }
  const draft = path.join(cluster.dataDir, `${DRAFT}${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(draft, { mode: 0o700 });
  if (cluster.owner) chownSync(draft, cluster.owner.uid, cluster.owner.gid);
  try {
    await run(
      cluster.binaries.initdb,
      ['-D', draft, '-U', superuser, '-A', 'reject', '-E', 'UTF8', '--no-sync', '--no-instructions'],
      asOwner(cluster),
    );
    rmSync(folderOf(cluster), remove);
    renameSync(draft, folderOf(cluster));
  } catch (error) {
    rmSync(draft, remove);
    throw new PermanentError(
      'embedded_start',
      `The embedded Postgres could not be set up in ${cluster.dataDir}: ${causeOf(error)}`,
      error,
    );
  }
}

export const isInitialised = (cluster: Pick<Cluster, 'dataDir'>) => clusterVersion(cluster) !== null;

/** The major version of Postgres that the cluster is of, such as "18"; null when there is no cluster. */
export function clusterVersion(cluster: Pick<Cluster, 'dataDir'>): string | null {
  const file = path.join(folderOf(cluster), 'PG_VERSION');
  // False as well where a file stands in the place of a folder.
  return existsSync(file) ? (linesOf(file)?.[0]?.trim() ?? null) : null;
}

/**
 * Runs statements in single-user mode, where no one else can connect.
 * @param statements of one line each
 * @throws PermanentError `embedded_start` when one of them fails
 */
export async function runAlone(cluster: Cluster, statements: readonly string[]): Promise<void> {
  const work = run(cluster.binaries.postgres, ['--single', '-D', folderOf(cluster), 'postgres'], asOwner(cluster));
  // One that ends before it has read them is reported by its exit.
  work.child.stdin!.on('error', () => undefined);
  work.child.stdin!.end(`${statements.join('\n')}\n`);
  try {
    const { stderr } = await work;
    const wrong = /(?:ERROR|FATAL|PANIC): .*/.exec(stderr);
    if (wrong) throw new Error(wrong[0]);
  } catch (error) {
    throw new PermanentError(
      'embedded_start',
      `The passwords of the embedded Postgres could not be set in ${folderOf(cluster)}: ${causeOf(error)}`,
      error,
    );
  }
}

/**
 * Starts the server. @param wanted the port, or the next free one above it. @throws PermanentError
 * `embedded_start`
 */
export async function launch(cluster: Cluster, wanted: number): Promise<void> {
  const folder = folderOf(cluster);
  const hba = path.join(folder, 'pg_hba.conf');
  writeOwned(cluster, hba, HBA);
  const log = logOf(cluster);
  prepareLog(cluster);
  for (let port = wanted; ; port++) {
    port = await nextFree(port);
    // The socket is in the server's data folder, which is the server's working folder.
    const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=. -c unix_socket_permissions=0700 -c password_encryption=scram-sha-256 -c hba_file=${quoted(hba)} -c max_connections=200 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC -c max_wal_size=2GB`;
    try {
      await run(cluster.binaries.pg_ctl, ['-D', folder, '-l', log, '-o', settings, '-w', '-t', '60', 'start'], asOwner(cluster));
      return;
    } catch (error) {
      if (!(await isFree(port))) continue; // taken in the meantime
      throw new PermanentError(
        'embedded_start',
        `The embedded Postgres did not start; its log is ${log}: ${causeOf(error)}`,
        error,
      );
    }
  }
}

/**
 * Creates the server's log, readable by its user only, since it contains failed statements with their values.
 * A symbolic link in its place is not followed.
 * @throws PermanentError `embedded_folder`
 */
export function prepareLog(cluster: Pick<Cluster, 'dataDir' | 'owner'>): void {
  const log = path.join(cluster.dataDir, LOG);
  let fd: number;
  try {
    fd = openSync(log, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
  } catch (error) {
    if (codeOf(error) !== 'ELOOP') throw error;
    throw new PermanentError('embedded_folder', `${log} is a link and not the log of the embedded Postgres: remove it.`, error);
  }
  try {
    fchmodSync(fd, 0o600);
    if (cluster.owner) fchownSync(fd, cluster.owner.uid, cluster.owner.gid);
  } finally {
    closeSync(fd);
  }
}

/** Quotes a word for the shell through which pg_ctl starts the server. */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

export async function stop(cluster: Cluster): Promise<void> {
  await run(cluster.binaries.pg_ctl, ['-D', folderOf(cluster), '-m', 'fast', '-w', 'stop'], asOwner(cluster));
}

/**
 * Where this cluster's server listens; null when it does not run. Determined from its process, not from the
 * port: after a crash another program may have taken the port, and must not receive a password. Waits for a
 * server that is starting or stopping, and for a single-user one whose ruawatch was killed.
 * @throws PermanentError `embedded_start` when that takes over a minute
 */
export async function listening(cluster: Cluster): Promise<Listening | null> {
  for (let tries = 0; tries < TRIES; tries++) {
    const lines = linesOf(path.join(folderOf(cluster), 'postmaster.pid'));
    if (lines === null || !(await runs(cluster))) return null;
    const [pid, , , port, socket, , , state] = lines;
    if (Number(pid) > 0 && state?.trim() === 'ready') {
      return { pid: Number(pid), port: Number(port), socket: socket !== '' && socketFits(cluster, Number(port)) };
    }
    await sleep(100);
  }
  throw new PermanentError(
    'embedded_start',
    `The embedded Postgres has been starting or stopping for over a minute; its log is ${logOf(cluster)}.`,
  );
}

async function runs(cluster: Cluster): Promise<boolean> {
  try {
    await run(cluster.binaries.pg_ctl, ['-D', folderOf(cluster), 'status'], asOwner(cluster));
    return true;
  } catch (error) {
    // pg_ctl's exit status when no server runs.
    if ((error as { code?: unknown }).code === 3) return false;
    throw new PermanentError(
      'embedded_start',
      `Cannot find out whether the embedded Postgres is running: ${causeOf(error)}`,
      error,
    );
  }
}

function linesOf(file: string): string[] | null {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whether the cluster accepts connections without a password, as those of version 0.1.0 did. */
export function isOpen(cluster: Cluster): boolean {
  return (linesOf(path.join(folderOf(cluster), 'pg_hba.conf')) ?? []).some((line) => /^[^#]*\strust\b/.test(line));
}

function socketFits(cluster: Cluster, port: number): boolean {
  return Buffer.byteLength(path.join(folderOf(cluster), `.s.PGSQL.${port}`)) <= SOCKET_PATH_BYTES;
}

/** The port of this data folder's server at its last start; null when it was never started. */
export function rememberedPort(cluster: Cluster): number | null {
  const file = path.join(cluster.dataDir, 'postgres.port');
  const port = existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN;
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : null;
}

/** A random first port, so that several data folders on one machine rarely collide. */
export function firstPort(): number {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
}

export function rememberPort(cluster: Pick<Cluster, 'dataDir'>, port: number): void {
  const file = path.join(cluster.dataDir, 'postgres.port');
  // Always a new file: the existing one may be a link that someone else created.
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, `${port}\n`, { flag: 'wx' });
  renameSync(`${file}.new`, file);
}

async function nextFree(from: number): Promise<number> {
  for (let port = from; port <= 65_535; port++) if (await isFree(port)) return port;
  throw new PermanentError(
    'embedded_start',
    `No port from ${from} up is free for the embedded Postgres: set RUAWATCH_POSTGRES_PORT to a free one.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function writeOwned(cluster: Cluster, file: string, content: string): void {
  const draft = `${file}.ruawatch`;
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode: 0o600, flag: 'wx' });
  if (cluster.owner) chownSync(draft, cluster.owner.uid, cluster.owner.gid);
  renameSync(draft, file);
}

/** What the server needs of our environment, which may also contain URLs with passwords. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'SystemRoot'];

function asOwner(cluster: Cluster): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  // "/" because the server's user may be unable to enter our working folder; LC_ALL because initdb rejects
  // locales that are not installed.
  return { ...(cluster.owner ?? {}), cwd: '/', env: { ...env, LC_ALL: 'C', TZ: 'UTC' } };
}

/** What initdb says behind the cause, and which of the lines before it is the cause. */
const CLEANUP = /^initdb: (?:removing|data directory|hint)|^child process exited/;
const CAUSE = /\b(?:error|FATAL|PANIC):/;

/** The cause in what a program of Postgres wrote before it failed. */
export function causeOf(error: unknown): string {
  const stderr =
    typeof error === 'object' && error !== null && 'stderr' in error ? String((error as { stderr: unknown }).stderr) : '';
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !CLEANUP.test(line));
  const line = lines.findLast((one) => CAUSE.test(one)) ?? lines.at(-1);
  return line?.replace(/^[\d-]+ [\d:.]+ \S+ \[\d+\] /, '') || messageOf(error);
}
