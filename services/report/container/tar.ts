import type { Problem } from '../model.ts';
import { type Member, memberName } from './member.ts';

const BLOCK = 512;
const CHECKSUM = 148;

/**
 * The regular files of a tar archive (POSIX ustar, GNU, and the older v7), which is held in memory as a
 * whole.
 */
export function* tarMembers(bytes: Buffer): Generator<Member> {
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    // A block of zeros ends the archive.
    if (bytes[at] === 0) return;
    const header = tarHeader(bytes, at);
    if (header === null) {
      yield { ...NOTHING, problem: damaged('a header is damaged') };
      at += BLOCK;
      while (at + BLOCK <= bytes.length && tarHeader(bytes, at) === null) at += BLOCK;
      continue;
    }
    const { size, type } = header;
    const start = at + BLOCK;
    const data = bytes.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'L') {
      longName = memberName(data);
      continue;
    }
    if (type === 'x' || type === 'g') continue;
    const short = bytes.subarray(start - BLOCK, start - BLOCK + 100);
    const end = short.indexOf(0);
    const name = longName ?? memberName(end < 0 ? short : short.subarray(0, end));
    longName = null;
    const cut = data.length < size;
    const problem = cut ? damaged('it is cut off within this member') : null;
    yield { ...NOTHING, name, skipped: type !== '0' && type !== '\0' && type !== '7', data, problem };
  }
}

const NOTHING: Member = { name: null, skipped: false, data: null, deflated: false, crc32: null, problem: null };

function damaged(why: string): Problem {
  return { code: 'archive_damaged', message: `The archive is damaged (${why}); what could be read is used.` };
}

/**
 * The header in the block at `at`: with the mark of ustar, and a checksum that is right or left out; or with
 * no mark and a right checksum. Null for any other block.
 */
export function tarHeader(bytes: Buffer, at: number): { size: number; type: string } | null {
  if (at + BLOCK > bytes.length) return null;
  const marked = bytes.toString('latin1', at + 257, at + 262) === 'ustar';
  const stated = octal(bytes, at + CHECKSUM, 8);
  if (stated === null || (stated === 0 && !marked)) return null;
  const size = octal(bytes, at + 124, 12);
  if (size === null) return null;
  if (stated !== 0 && stated !== checksum(bytes, at)) return null;
  return { size, type: bytes.toString('latin1', at + 156, at + 157) };
}

/** A number in octal digits; 0 for an empty field; null when it holds anything else. */
function octal(bytes: Buffer, from: number, length: number): number | null {
  const text = bytes
    .toString('latin1', from, from + length)
    .replace(/[\0 ]+$/, '')
    .trimStart();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : null;
}

/** The sum of the header's bytes, with blanks in place of the checksum itself. */
function checksum(bytes: Buffer, at: number): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= CHECKSUM && i < CHECKSUM + 8 ? 32 : (bytes[at + i] as number);
  return sum;
}
