import { constants, deflateSync, inflateSync } from 'node:zlib';
import { PermanentError } from '../../shared/errors.ts';

/** Raw mail is stored in chunks of this many bytes. */
export const CHUNK_BYTES = 256 * 1024;
/** Deflating a smaller chunk saves less than its row takes. */
const DEFLATE_FROM_BYTES = 512;
/** A chunk is stored as it came unless deflating saves a tenth. */
const MOST_SHARE = 0.9;
/**
 * From this size on, what the chunk holds decides how it is deflated. Most of a smaller one are header lines,
 * which are text.
 */
const SAMPLE_FROM_BYTES = 4096;
const WINDOWS = 8;
const WINDOW_BYTES = 32;
/**
 * In a sample of text or XML, more than this share are blanks, quotes and angle brackets; in base64 there are
 * none.
 */
const TEXT_SHARE = 1 / 32;

/** A chunk of a mail as it is stored in `ruawatch.raw`. */
export interface Chunk {
  bytes: Buffer;
  /** The size before it was deflated (zlib, RFC 1950); null: `bytes` are the chunk itself. */
  plain_size: number | null;
}

/**
 * Deflates a chunk where that saves space. Base64, mostly of gzip, repeats nothing: only its alphabet can be
 * coded shorter, which takes a quarter of the time of a search for repetitions, for the same size.
 * @param plain at most CHUNK_BYTES
 */
export function deflateChunk(plain: Buffer): Chunk {
  if (plain.length < DEFLATE_FROM_BYTES) return { bytes: plain, plain_size: null };
  const strategy =
    plain.length < SAMPLE_FROM_BYTES || looksLikeText(plain) ? constants.Z_DEFAULT_STRATEGY : constants.Z_HUFFMAN_ONLY;
  const bytes = deflateSync(plain, { level: constants.Z_BEST_SPEED, strategy });
  return bytes.length <= plain.length * MOST_SHARE ? { bytes, plain_size: plain.length } : { bytes: plain, plain_size: null };
}

/**
 * The bytes of a chunk as they came. Never inflates more than CHUNK_BYTES, whatever the row says.
 * @param message_key for the error message
 * @throws PermanentError `raw_damaged` when the row does not hold what was stored
 */
export function inflateChunk({ bytes, plain_size }: Chunk, message_key: number): Buffer {
  if (plain_size === null) return bytes;
  let plain: Buffer;
  try {
    if (!(plain_size > 0 && plain_size <= CHUNK_BYTES)) throw new RangeError(`${plain_size} bytes cannot be the size of a chunk`);
    plain = inflateSync(bytes, { maxOutputLength: plain_size });
    if (plain.length !== plain_size) throw new RangeError(`${plain.length} bytes instead of ${plain_size}`);
  } catch (error) {
    throw new PermanentError(
      'raw_damaged',
      `The raw bytes of mail ${message_key} are damaged in the database; restore ruawatch.raw from a backup, then: ruawatch messages replay ${message_key}.`,
      error,
    );
  }
  return plain;
}

/** Samples a few places of the second half: a mail's header lines are at its beginning. */
function looksLikeText(plain: Buffer): boolean {
  let marks = 0;
  for (let w = 0; w < WINDOWS; w++) {
    const from = Math.floor((plain.length / 2) * (1 + w / WINDOWS));
    for (const byte of plain.subarray(from, from + WINDOW_BYTES)) {
      // Blank, ", <, >
      if (byte === 0x20 || byte === 0x22 || byte === 0x3c || byte === 0x3e) marks++;
    }
  }
  return marks > WINDOWS * WINDOW_BYTES * TEXT_SHARE;
}
