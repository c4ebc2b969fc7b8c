import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';

/**
 * Changes lines of a file that other programs read: it is replaced in one step, keeps its owner and rights,
 * and is on the disk when this returns. Lines that are not ours stay as they are.
 * @param change gets the lines, and returns those that are to be there
 * @returns whether anything changed
 * @throws Error of the file system: the file has to be there, with the rights that its readers need
 */
export async function changeLines(given: string, change: (lines: readonly string[]) => readonly string[]): Promise<boolean> {
  const file = await realpath(given);
  const text = await readFile(file, 'utf8');
  const before = text.split('\n');
  if (before.at(-1) === '') before.pop();
  const after = change(before);
  if (after.length === before.length && after.every((line, at) => line === before[at])) return false;
  const there = await stat(file);
  const part = `${file}.${randomBytes(9).toString('hex')}.part`;
  const handle = await open(part, 'wx', 0o600);
  try {
    const made = await handle.stat();
    if (made.uid !== there.uid || made.gid !== there.gid) await handle.chown(there.uid, there.gid);
    await handle.chmod(there.mode & 0o777);
    await handle.writeFile(after.map((line) => `${line}\n`).join(''));
    await handle.sync();
    await rename(part, file);
  } catch (error) {
    await unlink(part).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  return true;
}

/** The lines of a file. @throws Error of the file system */
export const linesOf = async (file: string): Promise<string[]> => (await readFile(file, 'utf8')).split('\n');
