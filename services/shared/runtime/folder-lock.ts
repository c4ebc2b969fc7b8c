import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sleep } from '../clock.ts';
import { codeOf, PermanentError } from '../errors.ts';

const FREE = 'free';
const TRIES = 600;

/**
 * Waits for a lock between processes on this machine, kept in a folder of numbered files. The file with the
 * highest number names the holder. A process that finds it free, or its holder gone, creates the next number,
 * which only one process can. So no process ever removes the file that it has read: with a single file, a
 * second waiter could remove the one that the first has just created.
 * @param folder created if missing
 * @returns a function that releases the lock
 * @throws PermanentError `embedded_start` after a minute
 */
export async function takeLock(folder: string): Promise<() => void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let tries = 0; tries < TRIES; tries++) {
    const top = highest(folder);
    if (top === 0 || isFree(path.join(folder, String(top)))) {
      const mine = path.join(folder, String(top + 1));
      // A waiter that was suspended may create a number that others have already passed: only the highest one
      // counts.
      if (make(folder, mine)) {
        if (highest(folder) === top + 1) {
          removeOlder(folder, top);
          return () => write(folder, mine, FREE);
        }
        rmSync(mine, { force: true });
      }
      continue;
    }
    await sleep(100 + Math.random() * 50);
  }
  throw new PermanentError(
    'embedded_start',
    `Another ruawatch has been starting for over a minute: if none is running, remove the folder ${folder}.`,
  );
}

function highest(folder: string): number {
  return Math.max(0, ...numbers(folder));
}

function numbers(folder: string): number[] {
  return readdirSync(folder)
    .map(Number)
    .filter((n) => Number.isSafeInteger(n) && n > 0);
}

/** The second newest file is kept, so that a slow waiter finds its number taken. */
function removeOlder(folder: string, than: number): void {
  for (const n of numbers(folder)) if (n < than) rmSync(path.join(folder, String(n)), { force: true });
}

/**
 * Links a file that is already written, so that it never appears without its content. @returns false when the
 * number is taken
 */
function make(folder: string, file: string): boolean {
  const draft = writeDraft(folder, me());
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function write(folder: string, file: string, content: string): void {
  if (existsSync(file)) renameSync(writeDraft(folder, content), file);
}

function writeDraft(folder: string, content: string): string {
  const draft = path.join(folder, `draft-${process.pid}-${randomBytes(6).toString('hex')}`);
  writeFileSync(draft, content, { flag: 'wx', mode: 0o600 });
  return draft;
}

function isFree(file: string): boolean {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    // It was removed, so a higher number exists.
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  // FREE is the number of no process.
  const [pid, started] = content.split(' ');
  return !alive(Number(pid), started ?? '');
}

const me = () => `${process.pid} ${startOf(process.pid)}`;

function alive(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  const now = startOf(pid);
  return now === '' || started === '' || now === started;
}

/**
 * The start time of a process in kernel ticks, which distinguishes it from a later one with its id; '' where
 * that is unknown.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the second field is a name in parentheses that may hold anything; starttime is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
