import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, messageOf, PermanentError } from '../shared/errors.ts';

/** One mail or bare report file found under a path. */
export interface Input {
  /** The path as it was found; the mails of an mbox have `#1`, `#2`, … appended. */
  file: string;
  modified: Date;
  size: number;
  /** Null when it is larger than the limit: nothing larger is ever read into memory. */
  raw: Buffer | null;
}

/**
 * Everything under the paths, in the order of names: files, folders, mbox files (split into their mails) and
 * Maildirs (without tmp/, which holds unfinished deliveries). Symbolic links are followed, each folder once.
 * @param maxBytes the largest mail or file that is read
 * @param skipped receives what is not read, with a sentence: broken links, links in a circle, sockets and
 *   devices
 * @throws PermanentError `no_such_path`, `unreadable` with the path in the sentence
 */
export async function* inputs(paths: readonly string[], maxBytes: number, skipped: Skipped): AsyncGenerator<Input> {
  for (const given of paths) {
    const info = await attempt(given, () => stat(given));
    if (info.isDirectory()) yield* folder(given, { maxBytes, skipped, seen: new Set() });
    else if (info.isFile()) yield* file(given, maxBytes);
    else throw new PermanentError('unreadable', `${given} is neither a file nor a folder.`);
  }
}

/** Receives a path that is not read, and why. */
export type Skipped = (file: string, code: string, reason: string) => void;

interface Walk {
  maxBytes: number;
  skipped: Skipped;
  /** The real paths of the folders that were read. */
  seen: Set<string>;
}

async function* folder(at: string, walk: Walk): AsyncGenerator<Input> {
  const { maxBytes, skipped, seen } = walk;
  const real = await attempt(at, () => realpath(at));
  if (seen.has(real)) {
    skipped(at, 'folder_known', `It leads to ${real}, which is read once.`);
    return;
  }
  seen.add(real);
  const entries = (await attempt(at, () => readdir(at, { withFileTypes: true }))).sort((a, b) => (a.name < b.name ? -1 : 1));
  const isMaildir = entries.some((e) => e.name === 'cur') && entries.some((e) => e.name === 'new');
  for (const entry of entries) {
    if (isMaildir && entry.name === 'tmp') continue;
    const child = path.join(at, entry.name);
    const info = entry.isSymbolicLink() ? await targetOf(child) : entry;
    if (info === null) skipped(child, 'link_broken', 'It is a symbolic link that leads nowhere.');
    else if (info.isDirectory()) yield* folder(child, walk);
    else if (info.isFile()) yield* file(child, maxBytes);
    else skipped(child, 'not_a_file', 'It is neither a file nor a folder.');
  }
}

/** What a symbolic link leads to; null when that is nothing, or itself. */
async function targetOf(link: string) {
  try {
    return await stat(link);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes(codeOf(error) ?? '')) return null;
    throw new PermanentError('unreadable', `${link} cannot be read: ${messageOf(error)}.`, error);
  }
}

async function* file(at: string, maxBytes: number): AsyncGenerator<Input> {
  const { modified, size, head } = await attempt(at, async () => peek(at));
  if (head.toString('latin1', 0, 5) === 'From ') {
    yield* mbox(at, modified, maxBytes);
    return;
  }
  const raw = size > maxBytes ? null : head.length === size ? head : await attempt(at, () => readFile(at));
  yield { file: at, modified, size, raw };
}

/** What `import` and `parse` say instead of nothing at all. */
export const NO_FILE = 'There was no file to read under the given paths.';

/** Bytes read at once: nearly every report mail is smaller. */
const HEAD_BYTES = 512 * 1024;

/**
 * The first bytes of a file. Synchronous: a small file is read in about 15 microseconds, and each of the six
 * asynchronous steps through the thread pool would cost more than that.
 */
function peek(at: string): { modified: Date; size: number; head: Buffer } {
  const file = openSync(at, 'r');
  try {
    const { mtime, size } = fstatSync(file);
    const head = Buffer.allocUnsafe(Math.min(size, HEAD_BYTES));
    return { modified: mtime, size, head: head.subarray(0, readSync(file, head, 0, head.length, 0)) };
  } finally {
    closeSync(file);
  }
}

const SEPARATOR = Buffer.from('\nFrom ');
/** How much of a line is searched for its time and year; also how much is held back at the end of a chunk. */
const FROM_LINE_BYTES = 512;

/**
 * The mails of an mbox (RFC 4155): each begins with a "From " line that contains a time and a year and
 * follows an empty line or the start of the file; a sentence that begins with "From " does not count. Memory
 * is bounded by one mail of `maxBytes`; the rest of a larger one is counted and skipped.
 */
async function* mbox(at: string, modified: Date, maxBytes: number): AsyncGenerator<Input> {
  let held: Buffer[] = [];
  let size = 0;
  let n = 0;
  let several = false;
  let tail: Buffer = Buffer.alloc(0);
  const take = (piece: Buffer) => {
    size += piece.length;
    if (size <= maxBytes) held.push(piece);
    else held = [];
  };
  const done = (): Input => {
    n++;
    const raw = size > maxBytes ? null : Buffer.concat(held);
    const mail = { file: several ? `${at}#${n}` : at, modified, size, raw };
    held = [];
    size = 0;
    return mail;
  };
  for await (const chunk of createReadStream(at, { highWaterMark: 1024 * 1024 })) {
    let rest: Buffer = Buffer.concat([tail, chunk as Buffer]);
    let from = 0;
    for (;;) {
      const found = rest.indexOf(SEPARATOR, from);
      if (found < 0) break;
      if (!followsEmptyLine(rest, found) || !isFromLine(rest, found + 1)) {
        from = found + 1;
        continue;
      }
      take(rest.subarray(0, found + 1));
      several = true;
      yield done();
      rest = rest.subarray(found + 1);
      from = 0;
    }
    // A separator (and the empty line before it) may be cut by the end of the chunk.
    const keep = Math.min(rest.length, SEPARATOR.length + FROM_LINE_BYTES);
    take(Buffer.from(rest.subarray(0, rest.length - keep)));
    tail = Buffer.from(rest.subarray(rest.length - keep));
  }
  take(tail);
  if (size > 0) yield done();
}

/** Whether the line feed at `at` ends an empty line: LF LF or LF CR LF. */
function followsEmptyLine(text: Buffer, at: number): boolean {
  const LF = 10;
  const CR = 13;
  return text[at - 1] === LF || (text[at - 1] === CR && text[at - 2] === LF);
}

/** Whether the line that starts at `at` reads like "From sender Tue Sep  1 00:00:00 2026". */
function isFromLine(text: Buffer, at: number): boolean {
  const line = text.toString('latin1', at, Math.min(text.length, at + FROM_LINE_BYTES)).split(/[\r\n]/, 1)[0]!;
  return /^From .*\d\d:\d\d.*\b(?:19|20)\d\d\b/.test(line);
}

async function attempt<T>(at: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new PermanentError('no_such_path', `There is no file or folder ${at}.`, error);
    throw new PermanentError('unreadable', `${at} cannot be read: ${messageOf(error)}.`, error);
  }
}
