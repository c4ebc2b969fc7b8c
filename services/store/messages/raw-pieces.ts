import { constants, deflateSync, inflateSync } from 'node:zlib';
import { PermanentError } from '../../shared/errors.ts';

/** Raw mail is kept in pieces of this many bytes. */
export const PIECE_BYTES = 256 * 1024;
/** A smaller piece gains less than its row takes. */
const DEFLATE_FROM_BYTES = 512;
/** A piece is kept as it came unless it loses a tenth. */
const MOST_SHARE = 0.9;
/** From here on it pays to look at what a piece is: before, its header lines are most of what gets smaller, and they are text. */
const LOOK_FROM_BYTES = 4096;
const WINDOWS = 8;
const WINDOW_BYTES = 32;
/** Of a sample of text or XML, more than this share are blanks and the marks of XML; in base64 none is. */
const TEXT_SHARE = 1 / 32;

/** A piece of a mail as it lies in `ruawatch.raw`. */
export interface Piece {
  bytes: Buffer;
  /** Bytes of the piece before it was deflated (zlib, RFC 1950); null: `bytes` are the piece itself. */
  plain_size: number | null;
}

/**
 * Makes a piece smaller where that pays. What is base64 (mostly of gzip) repeats nothing, and only its alphabet can be coded shorter: that takes
 * a quarter of the time that the search for repetitions takes, for the same size.
 * @param plain at most PIECE_BYTES
 */
export function pack(plain: Buffer): Piece {
  if (plain.length < DEFLATE_FROM_BYTES) return { bytes: plain, plain_size: null };
  const strategy =
    plain.length < LOOK_FROM_BYTES || looksLikeText(plain) ? constants.Z_DEFAULT_STRATEGY : constants.Z_HUFFMAN_ONLY;
  const bytes = deflateSync(plain, { level: constants.Z_BEST_SPEED, strategy });
  return bytes.length <= plain.length * MOST_SHARE ? { bytes, plain_size: plain.length } : { bytes: plain, plain_size: null };
}

/**
 * The bytes of a piece as they came. Never more than PIECE_BYTES are inflated, whatever the row says.
 * @param message_key for the sentence
 * @throws PermanentError `raw_damaged` when the row does not hold what was stored
 */
export function unpack({ bytes, plain_size }: Piece, message_key: number): Buffer {
  if (plain_size === null) return bytes;
  let plain: Buffer;
  try {
    if (!(plain_size > 0 && plain_size <= PIECE_BYTES)) throw new RangeError(`${plain_size} bytes cannot be the size of a piece`);
    plain = inflateSync(bytes, { maxOutputLength: plain_size });
    if (plain.length !== plain_size) throw new RangeError(`${plain.length} bytes where there were ${plain_size}`);
  } catch (error) {
    throw new PermanentError(
      'raw_damaged',
      `The raw bytes of mail ${message_key} are damaged in the database; restore ruawatch.raw from a backup, then: ruawatch messages replay ${message_key}.`,
      error,
    );
  }
  return plain;
}

/** Looks at a few places of the second half: a mail's header lines stand at its beginning. */
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
