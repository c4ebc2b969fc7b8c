import { type Member, memberName } from './member.ts';

const BLOCK = 512;

/** The regular files of a tar archive (POSIX ustar and GNU), which is held in memory as a whole. */
export function* tarMembers(bytes: Buffer): Generator<Member> {
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    // A block of zeros ends the archive.
    if (header[0] === 0) return;
    const size = Number.parseInt(header.toString('latin1', 124, 136).replace(/[^0-7]/g, '') || '0', 8);
    const type = header.toString('latin1', 156, 157);
    const start = at + BLOCK;
    const data = bytes.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'L') {
      longName = memberName(data);
      continue;
    }
    if (type === 'x' || type === 'g') continue;
    const short = header.subarray(0, 100);
    const end = short.indexOf(0);
    const name = longName ?? memberName(end < 0 ? short : short.subarray(0, end));
    longName = null;
    const cut = data.length < size;
    yield {
      name,
      skipped: type !== '0' && type !== '\0' && type !== '7',
      data,
      deflated: false,
      crc32: null,
      problem: cut ? { code: 'archive_damaged', message: 'The archive is cut off within this member; the rest is used.' } : null,
    };
  }
}
