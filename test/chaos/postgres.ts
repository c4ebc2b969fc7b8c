import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { adminUrl, openEmbedded } from '../../services/store/schema/embedded.ts';

export interface ChaosPostgres {
  port: number;
  database: string;
  user: string;
  password: string;
  /** A pool of the harness's own, past the proxy; its sessions may always write. */
  db: Db;
  /** Whether the database lies on a disk that can be filled. */
  hasDisk: boolean;
  /** `pg_ctl -m immediate`: no checkpoint, no goodbye; then started on the same port after `pauseMs`. */
  crash(pauseMs: number): Promise<void>;
  /** The two halves of it. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Every session of the services ends (57P01). */
  terminateSessions(): Promise<void>;
  /** Every new transaction of the services is read-only (25006), as on a server that was made a replica. */
  refuseWrites(refuse: boolean): Promise<void>;
  /** Leaves no byte on the database's disk (53100), or gives all back. */
  fillDisk(full: boolean): void;
  stop(): Promise<void>;
}

const DISK_MB = 1024;
const PAGE = 4096;

/**
 * A Postgres of its own under `folder` that can be treated badly. As root its database lies on a small disk
 * (tmpfs).
 */
export async function startPostgres(folder: string): Promise<ChaosPostgres> {
  // initdb, the server's user, and the binaries where that user can reach them are embedded.ts' business.
  const embedded = await openEmbedded(folder);
  const { port: bornOn, pathname, username, password } = new URL(adminUrl(embedded, 'ruawatch'));
  await embedded.close();
  const cluster = path.join(folder, 'postgres');
  const { uid, gid } = statSync(cluster);
  const [program, ...args] = readFileSync(path.join(cluster, 'postmaster.opts'), 'utf8')
    .trim()
    .match(/"[^"]*"|\S+/g)!
    .map(unquoted);
  const port = Number(bornOn);
  const database = pathname.slice(1);

  let server: ChildProcess | null = null;
  const asOwner = process.getuid?.() === 0 ? { uid, gid } : {};

  const up = async () => {
    const child = spawn(program!, args, {
      ...asOwner,
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    server = child;
    for (let tries = 0; !(await answers(port, username, password)); tries++) {
      if (child.exitCode !== null || tries > 600) throw new Error(`Postgres did not start again: ${said}`);
      await wait(100);
    }
  };
  const down = async () => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGQUIT');
    await gone;
  };

  const disk = path.join(folder, 'disk');
  const hasDisk = makeDisk(disk, uid, gid);
  const unmount = () => hasDisk && execFileSync('umount', ['-l', disk]);
  const killAtExit = () => {
    server?.kill('SIGQUIT');
    unmount();
  };
  process.once('exit', killAtExit);
  await up();
  if (hasDisk) {
    const admin = new pg.Client({ host: '127.0.0.1', port, user: username, password, database: 'postgres' });
    await admin.connect();
    await admin.query(`create tablespace small location '${path.join(disk, 'space')}'`);
    await admin.query(`alter database ${database} set tablespace small`);
    await admin.end();
  }
  const db = openPool(`postgres://${username}:${password}@127.0.0.1:${port}/${database}`, { name: 'chaos harness', max: 3 });
  // A session may always say that its own transactions write; alter system is no transaction's business.
  const asWriter = async (sql: string) => {
    const client = await db.connect();
    try {
      await client.query('set default_transaction_read_only = off');
      await client.query(sql);
    } finally {
      client.release(true);
    }
  };
  const filler = path.join(disk, 'filler');

  return {
    port,
    database,
    user: username,
    password,
    db,
    hasDisk,
    down,
    up,
    async crash(pauseMs) {
      await down();
      await wait(pauseMs);
      await up();
    },
    async terminateSessions() {
      await db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name not like 'chaos%'`,
        [database],
      );
    },
    async refuseWrites(refuse) {
      await asWriter(`alter system ${refuse ? 'set default_transaction_read_only = on' : 'reset default_transaction_read_only'}`);
      await asWriter('select pg_reload_conf()');
    },
    fillDisk(full) {
      rmSync(filler, { force: true });
      if (!full) return;
      const fd = openSync(filler, 'w');
      try {
        // In pieces, down to the last page: the server takes and gives back space meanwhile.
        for (let bytes = 8 * 1024 * 1024; bytes >= PAGE; ) if (!tookAll(fd, Buffer.alloc(bytes))) bytes /= 4;
      } finally {
        closeSync(fd);
      }
    },
    async stop() {
      await db.end();
      await down();
      process.off('exit', killAtExit);
      unmount();
    },
  };
}

/** @returns false where no disk can be mounted: not root, or a container without the right to */
function makeDisk(disk: string, uid: number, gid: number): boolean {
  if (process.getuid?.() !== 0) return false;
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return false;
  }
  chmodSync(disk, 0o755);
  const space = path.join(disk, 'space');
  mkdirSync(space, { mode: 0o700 });
  chownSync(space, uid, gid);
  writeFileSync(path.join(disk, 'README'), 'A disk of a chaos run.\n');
  return true;
}

/** @returns false when the disk is full */
function tookAll(fd: number, bytes: Buffer): boolean {
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

function unquoted(word: string): string {
  return word.replace(/^"|"$/g, '');
}

async function answers(port: number, user: string, password: string): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres', connectionTimeoutMillis: 2_000 });
  client.on('error', () => client.emit('chaos:lost'));
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    // Starting, or recovering: asked again until it answers or its process has ended.
    return false;
  }
}
