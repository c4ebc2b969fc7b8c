import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adminUrl, openEmbedded } from '../../services/store/schema/embedded.ts';
import { makeTemplate, withoutRoles } from './database.ts';
import { makeKeys } from './rsa-keys.ts';

const MEMORY_FOLDER = '/dev/shm';
/** What must be free before memory serves as the disk; the suites use less than half of it at any time. */
const ROOM_BYTES = 6 * 2 ** 30;
const PREFIX = 'ruawatch-test-';

/** One embedded Postgres for the whole run, in a folder that is removed with all that tests left in it. */
export default async function setup(): Promise<() => Promise<void>> {
  const base = placeFor();
  const folder = mkdtempSync(path.join(base, `${PREFIX}${process.pid}-`));
  // As open as /tmp: servers run as users of their own.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  const [server] = await Promise.all([openEmbedded(path.join(folder, 'data')), makeKeys(folder)]);
  process.env.TEST_POSTGRES_URL = adminUrl(server);
  await withoutRoles(adminUrl(server, 'ruawatch'));
  await makeTemplate(adminUrl(server));
  return async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * Memory where there is enough of it, otherwise the disk. Every test creates and drops a database of six
 * hundred files. ext4 does not reuse an inode that was deleted a moment ago, and its search for another one
 * takes ten times as long as copying the database.
 */
function placeFor(): string {
  if (!existsSync(MEMORY_FOLDER)) return tmpdir();
  removeAbandoned();
  const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
  return Math.min(bavail * bsize, process.availableMemory()) >= ROOM_BYTES && runsPrograms(MEMORY_FOLDER)
    ? MEMORY_FOLDER
    : tmpdir();
}

/** Frees the memory that killed runs still hold. */
function removeAbandoned(): void {
  for (const name of readdirSync(MEMORY_FOLDER)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (!pid || existsSync(`/proc/${pid}`)) continue;
    try {
      rmSync(path.join(MEMORY_FOLDER, name), { recursive: true, force: true });
    } catch (error) {
      // A disk that a killed run has mounted stays until it is unmounted; this run need not wait for that.
      // Node 24 gives the error no code.
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EBUSY' && !message.includes('resource busy')) throw error;
    }
  }
}

/** Containers often mount it with noexec, and some tests write programs and run them. */
function runsPrograms(base: string): boolean {
  const folder = mkdtempSync(path.join(base, `${PREFIX}${process.pid}-`));
  try {
    const program = path.join(folder, 'program');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    execFileSync(program);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
