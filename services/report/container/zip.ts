import type { Entry, ZipFile } from 'yauzl';
import { library } from '../library.ts';
import type { Problem } from '../model.ts';
import { excerpt } from '../text.ts';
import { type Member, memberName } from './member.ts';

const yauzl = library('yauzl') as typeof import('yauzl');

const END_MARK = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const END_LENGTH = 22;
const STORED = 0;
const DEFLATED = 8;

const SKIPPED: Member = { name: null, skipped: true, data: null, deflated: false, crc32: null, problem: null };

/**
 * The members of a zip archive, by its central directory: stored and deflated, zip64, data descriptors. Bytes
 * after the archive are ignored. A member that the directory names again is skipped: hundreds of such names
 * are a few bytes, and each would be read. When the directory is damaged or cut off, the first member is read
 * by its local header.
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
    const problem = damaged((error as Error).message);
    const first = seen.size === 0 ? firstMember(bytes, problem) : null;
    yield first ?? { name: null, skipped: false, data: null, deflated: false, crc32: null, problem };
  }
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
  let fileDataStart: number;
  try {
    ({ fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }));
  } catch (error) {
    return { ...base, problem: damaged((error as Error).message) };
  }
  const data = bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
  const problem = data.length < entry.compressedSize ? damaged('the member is cut off') : null;
  return { ...base, data, deflated: entry.compressionMethod === DEFLATED, problem };
}

/** yauzl requires the archive to end with the bytes; some senders add a line end or padding. */
function withoutTrail(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(END_MARK);
  if (end < 0 || end + END_LENGTH > bytes.length) return bytes;
  const stop = end + END_LENGTH + bytes.readUInt16LE(end + 20);
  return stop < bytes.length ? bytes.subarray(0, stop) : bytes;
}

/** The member with the first local header: all that can be found in a zip without its directory. */
function firstMember(bytes: Buffer, problem: Problem): Member | null {
  if (bytes.length < 30 || bytes.readUInt32LE(0) !== 0x04034b50) return null;
  const flags = bytes.readUInt16LE(6);
  const method = bytes.readUInt16LE(8);
  const size = bytes.readUInt32LE(18);
  const nameLength = bytes.readUInt16LE(26);
  const start = 30 + nameLength + bytes.readUInt16LE(28);
  if ((flags & 1) !== 0 || (method !== STORED && method !== DEFLATED) || start >= bytes.length) return null;
  const end = (flags & 8) !== 0 || size === 0 ? bytes.length : Math.min(bytes.length, start + size);
  return {
    name: memberName(bytes.subarray(30, 30 + nameLength)),
    skipped: false,
    data: bytes.subarray(start, end),
    deflated: method === DEFLATED,
    crc32: null,
    problem,
  };
}

function damaged(why: string): Problem {
  return { code: 'archive_damaged', message: `The archive is damaged (${excerpt(why, 120)}); what could be read is used.` };
}
