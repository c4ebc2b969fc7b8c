import { constants, crc32, createInflateRaw, inflateRawSync } from 'node:zlib';

/** Output pieces of a stream: at 256 KiB zlib runs more than twice as fast as at its default of 16 KiB. */
export const CHUNK = 256 * 1024;
/** Bytes of an output piece that are passed on at a time. */
const SLICE = 64 * 1024;
/** Output pieces while rescuing a damaged stream: at most one piece before the damage is lost. */
const RESCUE_CHUNK = 1024;

/**
 * How compressed bytes are wrapped: gzip members (RFC 1952), or bare deflate (RFC 1951) as in a zip archive.
 */
export type Wrapping = { format: 'gzip' } | { format: 'deflate'; crc32: number | null };

/** Supervises decompression: receives every piece before it is passed on, and may throw to stop it. */
export interface Meter {
  bytes(size: number): void;
  /** Another gzip member begins. */
  member(): void;
  damaged(why: string): void;
}

/** What is known about a deflate stream once it has ended. */
interface Ended {
  consumed: number;
  checksum: number;
}

/**
 * Decompresses in one go when the output fits into `most` bytes. Null when it does not, or the data are
 * damaged; nothing has been metered then.
 */
export function inflateAtOnce(bytes: Buffer, wrapping: Wrapping, most: number, meter: Meter): Buffer | null {
  const parts: Buffer[] = [];
  let size = 0;
  let members = 0;
  let mismatch = false;
  for (let at = 0; ; ) {
    const start = wrapping.format === 'gzip' ? gzipBody(bytes, at) : at;
    if (start < 0) {
      if (members === 0) meter.damaged(NO_HEADER);
      break;
    }
    let part: Buffer;
    let consumed: number;
    try {
      const options = { maxOutputLength: Math.max(1, most - size), finishFlush: constants.Z_SYNC_FLUSH, info: true };
      const result = inflateRawSync(bytes.subarray(start), options) as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      part = result.buffer;
      consumed = result.engine.bytesWritten;
    } catch {
      // Too large for one go, or damaged: the stream finds out which, and keeps everything before the damage.
      return null;
    }
    size += part.length;
    members++;
    parts.push(part);
    at = start + consumed;
    if (!checks(bytes, at, wrapping, crc32(part))) mismatch = true;
    at += TRAILER;
    if (wrapping.format === 'deflate' || !isMember(bytes, at)) break;
    // Many small members are left to the stream, which counts them one by one.
    if (members > 16) return null;
  }
  for (let i = 1; i < members; i++) meter.member();
  meter.bytes(size);
  if (mismatch) meter.damaged('the checksum does not match');
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/**
 * Decompresses as a stream of pieces. Damage is reported to the meter and ends the stream, after everything
 * before it has been passed on. Bytes after the last gzip member are ignored.
 */
export async function* inflateStream(bytes: Buffer, wrapping: Wrapping, meter: Meter): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const start = wrapping.format === 'gzip' ? gzipBody(bytes, at) : at;
    if (start < 0) {
      if (at === 0) meter.damaged(NO_HEADER);
      return;
    }
    const ended = yield* oneStream(bytes.subarray(start), meter);
    if (ended === null) return;
    at = start + ended.consumed;
    if (!checks(bytes, at, wrapping, ended.checksum)) meter.damaged('the checksum does not match');
    at += TRAILER;
    if (wrapping.format === 'deflate' || !isMember(bytes, at)) return;
    meter.member();
  }
}

/** One deflate stream; null when it was damaged. */
async function* oneStream(bytes: Buffer, meter: Meter): AsyncGenerator<Buffer, Ended | null> {
  let size = 0;
  let checksum = 0;
  try {
    const pieces = deflated(bytes, CHUNK);
    for (;;) {
      const next = await pieces.next();
      if (next.done) return { consumed: next.value, checksum };
      meter.bytes(next.value.length);
      checksum = crc32(next.value, checksum);
      // In slices whose text fits V8's young generation: anything larger stays until a full collection.
      for (let at = 0; at < next.value.length; at += SLICE) yield next.value.subarray(at, at + SLICE);
      size += next.value.length;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    meter.damaged(error.message);
  }
  // The part of the failed piece that precedes the damage, in smaller pieces.
  let skip = size;
  try {
    for await (const piece of deflated(bytes, RESCUE_CHUNK)) {
      const rest = piece.subarray(skip);
      skip = Math.max(0, skip - piece.length);
      if (rest.length === 0) continue;
      meter.bytes(rest.length);
      yield rest;
    }
  } catch (error) {
    // The same damage again, which has been reported.
    if (!isZlibError(error)) throw error;
  }
  return null;
}

/**
 * The pieces of one deflate stream. Each is passed on before the next one is made, so that an error does not
 * discard finished pieces. Returns the number of input bytes of the stream.
 */
async function* deflated(bytes: Buffer, chunkSize: number): AsyncGenerator<Buffer, number> {
  const stream = createInflateRaw({ chunkSize, finishFlush: constants.Z_SYNC_FLUSH });
  const ready: Buffer[] = [];
  let state: 'running' | 'ended' | Error = 'running';
  let wake: () => void = () => undefined;
  stream.on('data', (piece: Buffer) => {
    ready.push(piece);
    stream.pause();
    wake();
  });
  stream.on('end', () => {
    state = 'ended';
    wake();
  });
  stream.on('error', (error) => {
    state = error;
    wake();
  });
  const now = (): typeof state => state;
  stream.end(bytes);
  try {
    for (;;) {
      const piece = ready.shift();
      const is = now();
      if (piece !== undefined) yield piece;
      else if (is instanceof Error) throw is;
      else if (is === 'ended') return stream.bytesWritten;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          stream.resume();
        });
      }
    }
  } finally {
    stream.destroy();
  }
}

const NO_HEADER = 'its header is not whole';
/** CRC-32 and length after each gzip member. */
const TRAILER = 8;

function isMember(bytes: Buffer, at: number): boolean {
  return at + 10 < bytes.length && bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === 8;
}

/** Where the deflate stream of the gzip member at `at` begins; -1 when the header is not whole. */
function gzipBody(bytes: Buffer, at: number): number {
  if (!isMember(bytes, at)) return -1;
  const flags = bytes[at + 3] as number;
  let next = at + 10;
  // Where the bytes end before, so does the header, whatever is added.
  if (flags & 4) next += 2 + (bytes[next]! | (bytes[next + 1]! << 8));
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const zero = bytes.indexOf(0, next);
    if (zero === -1) return -1;
    next = zero + 1;
  }
  if (flags & 2) next += 2;
  return next < bytes.length ? next : -1;
}

function checks(bytes: Buffer, at: number, wrapping: Wrapping, sum: number): boolean {
  if (wrapping.format === 'deflate') return wrapping.crc32 === null || wrapping.crc32 === sum;
  return at + 4 <= bytes.length && bytes.readUInt32LE(at) === sum;
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
