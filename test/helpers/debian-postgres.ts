import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { serverOwner } from '../../services/shared/runtime/embedded-binaries.ts';
import { readDocument } from '../docs/markdown.ts';
import { freePort } from './services.ts';

/**
 * A Postgres with its client programs of the same version (Debian: postgresql); the embedded one has no
 * pg_dump.
 */
const BASE = '/usr/lib/postgresql';
const version = existsSync(BASE)
  ? readdirSync(BASE)
      .filter((name) => existsSync(`${BASE}/${name}/bin/pg_dump`))
      .sort()
      .at(-1)
  : null;
export const debianPostgres = version != null && existsSync(`${BASE}/${version}/bin/initdb`);
const program = (name: string) => `${BASE}/${version}/bin/${name}`;

/** Its programs, for who runs the server by itself. */
export const postgresPrograms = () => ({ initdb: program('initdb'), pg_ctl: program('pg_ctl'), postgres: program('postgres') });

export interface Server {
  /** As the superuser `admin`. */
  url(database: string): string;
}

/** Clusters in a folder of their own, for tests that carry out what a document says. */
export class Servers {
  private readonly folders: string[] = [];
  private readonly owner = serverOwner();
  private readonly as = this.owner === null ? {} : { uid: this.owner.uid, gid: this.owner.gid };
  private readonly base = mkdtempSync(path.join(tmpdir(), 'ruawatch-postgres-'));

  constructor() {
    chmodSync(this.base, 0o755);
  }

  /**
   * @param passwords whether everybody but the superuser needs one @param more settings, as options of the
   *   server
   */
  async start(name: string, passwords = false, more: (folder: string) => string = () => ''): Promise<Server> {
    const folder = path.join(this.base, name);
    mkdirSync(folder, { mode: 0o700 });
    if (this.owner) chownSync(folder, this.owner.uid, this.owner.gid);
    const run = (file: string, ...args: string[]) =>
      execFileSync(program(file), args, { ...this.as, cwd: folder, stdio: 'ignore' });
    run('initdb', '-D', folder, '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--no-sync');
    if (passwords)
      writeFileSync(
        path.join(folder, 'pg_hba.conf'),
        'host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
      );
    const port = await freePort();
    const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off ${more(folder)}`;
    run('pg_ctl', '-D', folder, '-l', path.join(folder, 'log'), '-w', '-o', settings, 'start');
    this.folders.push(folder);
    return { url: (database) => `postgres://admin@127.0.0.1:${port}/${database}` };
  }

  /** Runs commands of a document in the folder that all servers share; its files stay there. */
  shell(lines: string, env: Record<string, string>, input?: Buffer): void {
    const all = { PATH: `${BASE}/${version}/bin:${process.env.PATH}`, ...env };
    execFileSync('sh', ['-euc', lines], { cwd: this.base, env: all, stdio: ['pipe', 'pipe', 'pipe'], ...(input && { input }) });
  }

  stop(): void {
    for (const folder of this.folders)
      execFileSync(program('pg_ctl'), ['-D', folder, '-m', 'immediate', 'stop'], { ...this.as, cwd: folder, stdio: 'ignore' });
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** The commands of a section of docs/backup.md, as a shell gets them. */
export function backupCommands(title: string): string {
  const [, after] = readDocument('backup.md').split(`\n## ${title}\n`);
  return /^```sh\n(.*?)^```$/ms.exec(after!)![1]!;
}
