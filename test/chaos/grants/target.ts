import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import {
  type Binaries,
  findBinaries,
  reachableBinaries,
  serverOwner,
} from '../../../services/shared/runtime/embedded-binaries.ts';
import { postgresPrograms } from '../../helpers/debian-postgres.ts';
import { freePort } from '../../helpers/services.ts';

/** A Postgres that is killed and started again with what it has on disk. */
export class MortalPostgres {
  readonly port: number;
  private readonly base: string;
  private readonly data: string;
  private readonly binaries: Binaries;
  private child: ChildProcess | null = null;
  private readonly owner = serverOwner();
  private readonly as = this.owner === null ? {} : { uid: this.owner.uid, gid: this.owner.gid };
  private readonly killAtExit = () => this.child?.kill('SIGKILL');

  private constructor(base: string, port: number, binaries: Binaries) {
    this.base = base;
    this.data = path.join(base, 'data');
    this.port = port;
    this.binaries = binaries;
  }

  /** @param which the one that the system has, or the one that comes with the product */
  static async start(which: 'debian' | 'embedded'): Promise<MortalPostgres> {
    const base = mkdtempSync(path.join(tmpdir(), 'ruawatch-mortal-postgres-'));
    chmodSync(base, 0o755);
    const owner = serverOwner();
    if (owner !== null) chownSync(base, owner.uid, owner.gid);
    const binaries = which === 'debian' ? postgresPrograms() : reachableBinaries(await findBinaries(), base, owner);
    const server = new MortalPostgres(base, await freePort(), binaries);
    execFileSync(binaries.initdb, ['-D', server.data, '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
      ...server.as,
      cwd: base,
      stdio: 'ignore',
    });
    writeFileSync(
      path.join(server.data, 'pg_hba.conf'),
      'host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
    );
    process.once('exit', server.killAtExit);
    await server.up();
    return server;
  }

  /** As the superuser. */
  url(database: string): string {
    return `postgres://admin@127.0.0.1:${this.port}/${database}`;
  }

  /** Rows of a query of the superuser, over a connection of its own. */
  async rows<T extends pg.QueryResultRow>(database: string, text: string, values: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: this.url(database), connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** kill -9 of the whole server, and a start with what it has on disk. */
  async killed(): Promise<void> {
    await this.kill();
    await this.up();
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.killAtExit);
    rmSync(this.base, { recursive: true, force: true });
  }

  private async kill(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const sessions = childrenOf(child.pid!);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    // Those of a killed server go on to the end of their statement: the machine has lost power for all of
    // them.
    for (const pid of sessions)
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  }

  private async up(): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=60'];
    const args = ['-D', this.data, '-p', String(this.port), ...settings.flatMap((one) => ['-c', one])];
    for (let tries = 0; ; tries++) {
      const child = spawn(this.binaries.postgres, args, { ...this.as, cwd: this.base, stdio: 'ignore' });
      this.child = child;
      while (child.exitCode === null) {
        if (await this.answers()) return;
        await wait(30);
      }
      // Memory that its predecessor shared may be in use for a moment.
      if (tries > 50) throw new Error('the Postgres target did not start again');
      await wait(50);
    }
  }

  private async answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url('postgres'), connectionTimeoutMillis: 1_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}
