import { crc32 } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { library } from '../library.ts';
import type { Problem } from '../model.ts';
import { excerpt } from '../text.ts';
import { type Member, memberName } from './member.ts';

const yauzl = library('yauzl') as typeof import('yauzl');

const LOCAL_MARK = Buffer.from([0x50, 0x4b, 0x03, 0x04]);
const CENTRAL_MARK = 0x02014b50;
const DESCRIPTOR_MARK = Buffer.from([0x50, 0x4b, 0x07, 0x08]);
const END_MARK = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const LOCAL_LENGTH = 30;
const END_LENGTH = 22;
/** The end record, with the longest comment and some bytes after it. */
const TAIL = 2 * 65_536;
const STORED = 0;
const DEFLATED = 8;
const NAME_LENGTH = 1_024;

const SKIPPED: Member = { name: null, skipped: true, data: null, deflated: false, crc32: null, problem: null };

/**
 * Where a zip archive begins in bytes that do not begin like one: after other bytes, as in a self-extracting
 * archive, or at 0 when the first local header is damaged and the directory is not. Null when there is none.
 */
export function zipStart(bytes: Buffer): number | null {
  const end = bytes.lastIndexOf(END_MARK);
  if (end >= Math.max(0, bytes.length - TAIL) && end + END_LENGTH <= bytes.length) {
    const size = bytes.readUInt32LE(end + 12);
    const directory = end - size;
    if (size > 0 && directory >= 0 && bytes.readUInt32LE(directory) === CENTRAL_MARK) {
      return Math.max(0, directory - bytes.readUInt32LE(end + 16));
    }
  }
  for (let at = bytes.indexOf(LOCAL_MARK), tries = 0; at >= 0 && tries < 16; at = bytes.indexOf(LOCAL_MARK, at + 1), tries++) {
    if (localHeader(bytes, at) !== null) return at;
  }
  return null;
}

/**
 * The members of a zip archive, by its central directory: stored and deflated, zip64, data descriptors. Bytes
 * after the archive are ignored. A member that the directory names again is skipped: hundreds of such names
 * are a few bytes, and each would be read. When the directory is damaged or cut off, the members that it did
 * not name are read by their local headers.
 */
export async function* zipMembers(bytes: Buffer): AsyncGenerator<Member> {
  const seen = new Set<number>();
  try {
    const zip = await yauzl.fromBufferPromise(withoutTrail(bytes), { decodeStrings: false, lazyEntries: true });
    for await (const entry of zip.eachEntry()) {
      const again = seen.has(entry.relativeOffsetOfLocalHeader);
      seen.add(entry.relativeOffsetOfLocalHeader);
      yield again ? SKIPPED : await member(bytes, zip, entry);
    }
  } catch (error) {
    const problem = damaged(meaningOf((error as Error).message));
    let found = false;
    for (const one of localMembers(bytes, seen, problem)) {
      found = true;
      yield one;
    }
    if (!found) yield { ...SKIPPED, skipped: false, problem };
  }
}

/** What yauzl's texts mean for people. */
function meaningOf(text: string): string {
  if (/end of central directory|locator/i.test(text)) return 'its directory is missing or cut off';
  if (/central directory/i.test(text)) return 'its directory is damaged';
  if (/local file header/i.test(text)) return 'the header of a member is damaged';
  if (/file bounds/i.test(text)) return 'the member is cut off';
  if (/multi-disk/i.test(text)) return 'it is one of several parts';
  return text;
}

async function member(bytes: Buffer, zip: ZipFile, entry: Entry): Promise<Member> {
  const name = memberName(entry.fileName as unknown as Buffer);
  const base = { name, skipped: false, data: null, deflated: false, crc32: entry.crc32, problem: null };
  if (name?.endsWith('/') && entry.uncompressedSize === 0) return { ...base, skipped: true };
  if (entry.isEncrypted()) {
    return { ...base, problem: { code: 'archive_encrypted', message: 'The archive is encrypted; a report must not be.' } };
  }
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    const message = `The archive uses compression method ${entry.compressionMethod}; only stored and deflated members can be read.`;
    return { ...base, problem: { code: 'archive_method_unknown', message } };
  }
  let problem: Problem | null = null;
  let start: number;
  try {
    start = (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
  } catch (error) {
    problem = damaged(meaningOf((error as Error).message));
    const guess = afterBrokenHeader(bytes, entry);
    if (guess === null) return { ...base, problem };
    start = guess;
  }
  const data = bytes.subarray(start, start + entry.compressedSize);
  const deflated = entry.compressionMethod === DEFLATED;
  if (!deflated && crc32(data) !== entry.crc32) problem ??= damaged('the checksum does not match');
  return { ...base, data, deflated, problem };
}

/**
 * Where the data of a member begin whose local header is damaged, by the names' and fields' lengths in the
 * directory.
 */
function afterBrokenHeader(bytes: Buffer, entry: Entry): number | null {
  const at = entry.relativeOffsetOfLocalHeader + LOCAL_LENGTH;
  const name = entry.fileName as unknown as Buffer;
  if (at > bytes.length || !bytes.subarray(at, at + name.length).equals(name)) return null;
  return at + name.length + bytes.readUInt16LE(at - 2);
}

/** yauzl requires the archive to end with the bytes; some senders add a line end or padding. */
function withoutTrail(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(END_MARK);
  if (end < 0 || end + END_LENGTH > bytes.length) return bytes;
  const stop = end + END_LENGTH + bytes.readUInt16LE(end + 20);
  return stop < bytes.length ? bytes.subarray(0, stop) : bytes;
}

interface LocalHeader {
  flags: number;
  method: number;
  crc32: number;
  size: number;
  name: Buffer;
  start: number;
}

/** The local header at `at`; null when there is none that makes sense. */
function localHeader(bytes: Buffer, at: number): LocalHeader | null {
  if (at + LOCAL_LENGTH > bytes.length || !bytes.subarray(at, at + 4).equals(LOCAL_MARK)) return null;
  const nameLength = bytes.readUInt16LE(at + 26);
  const method = bytes.readUInt16LE(at + 8);
  const start = at + LOCAL_LENGTH + nameLength + bytes.readUInt16LE(at + 28);
  if (nameLength > NAME_LENGTH || method > 99 || start >= bytes.length) return null;
  return {
    flags: bytes.readUInt16LE(at + 6),
    method,
    crc32: bytes.readUInt32LE(at + 14),
    size: bytes.readUInt32LE(at + 18),
    name: bytes.subarray(at + LOCAL_LENGTH, at + LOCAL_LENGTH + nameLength),
    start,
  };
}

/**
 * The members with a local header that is not among those `seen`: all that can be found without the
 * directory.
 */
function* localMembers(bytes: Buffer, seen: ReadonlySet<number>, problem: Problem): Generator<Member> {
  let at = bytes.indexOf(LOCAL_MARK);
  while (at >= 0) {
    const header = localHeader(bytes, at);
    if (header === null || seen.has(at)) {
      at = bytes.indexOf(LOCAL_MARK, at + 1);
      continue;
    }
    const { flags, method, size, start } = header;
    const next = bytes.indexOf(LOCAL_MARK, start);
    const stated = (flags & 8) === 0 && size > 0 && size < 0xffffffff;
    const end = Math.min(bytes.length, stated ? start + size : next < 0 ? bytes.length : next);
    const name = memberName(header.name);
    const readable = (flags & 1) === 0 && (method === STORED || method === DEFLATED);
    const data = method === STORED && !stated ? beforeDescriptor(bytes, start, end) : bytes.subarray(start, end);
    if (readable && !name?.endsWith('/')) {
      // Where the lengths are known, so is the checksum.
      yield { name, skipped: false, data, deflated: method === DEFLATED, crc32: stated ? header.crc32 : null, problem };
    } else if (!readable) yield { ...SKIPPED, name, skipped: false, problem };
    at = bytes.indexOf(LOCAL_MARK, end);
  }
}

/** A stored member of unknown length ends before its data descriptor. */
function beforeDescriptor(bytes: Buffer, start: number, end: number): Buffer {
  const data = bytes.subarray(start, end);
  const stop = data.indexOf(DESCRIPTOR_MARK);
  return stop < 0 ? data : data.subarray(0, stop);
}

function damaged(why: string): Problem {
  return { code: 'archive_damaged', message: `The archive is damaged (${excerpt(why, 120)}); what could be read is used.` };
}
