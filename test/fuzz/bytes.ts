import type { Random } from './random.ts';

/** No case grows beyond this: what is looked for is what a small input can do. */
export const MOST_BYTES = 1024 * 1024;

/** Bytes that mean something to one of the readers. */
const MARKS = [
  '\0',
  '\xff\xfe',
  '\xfe\xff',
  '\xef\xbb\xbf',
  '\x1f\x8b\x08',
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  'PK\x06\x06',
  'ustar',
  'From ',
  '\r\n\r\n',
  '\r',
  '--',
  '=?utf-8?B?',
  '<',
  '>',
  '&',
  '{',
  '[',
  '"',
  '\xc3',
  '\xed\xa0\x80',
];

/** One change to bytes that knows nothing of what they mean. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = Math.min(bytes.length - at, random.size(4096));
  const slice = bytes.subarray(at, at + length);
  switch (random.below(9)) {
    case 0: {
      const copy = Buffer.from(bytes);
      for (let flips = random.size(16); flips > 0 && copy.length > 0; flips--) {
        const where = random.below(copy.length);
        copy[where] = (copy[where] as number) ^ (1 << random.below(8));
      }
      return copy;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 3:
      return joined(bytes.subarray(0, at), slice, bytes.subarray(at));
    case 4:
      return joined(bytes.subarray(0, at), Buffer.from(random.pick(MARKS), 'latin1'), bytes.subarray(at));
    case 5:
      return joined(bytes.subarray(0, at), Buffer.alloc(random.size(4096), random.below(256)), bytes.subarray(at + length));
    case 6: {
      const copy = Buffer.from(bytes);
      if (copy.length >= 4)
        copy.writeUInt32LE(random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff]), random.below(copy.length - 3));
      return copy;
    }
    case 7:
      return joined(bytes.subarray(at), bytes.subarray(0, at));
    default:
      // The same few bytes over and over: what takes a time that grows with the square of its input shows
      // itself here.
      return random.oneIn(8)
        ? joined(bytes.subarray(0, at), repeated(random, slice.subarray(0, random.size(32))), bytes.subarray(at))
        : bytes;
  }
}

/** The piece, many times. */
export function repeated(random: Random, piece: Buffer): Buffer {
  if (piece.length === 0) return piece;
  return Buffer.alloc(Math.floor(random.size(MOST_BYTES) / piece.length + 1) * piece.length, piece);
}

/** One after the other, cut off at the most a case may have. */
export function joined(...pieces: Buffer[]): Buffer {
  return Buffer.concat(pieces).subarray(0, MOST_BYTES);
}
