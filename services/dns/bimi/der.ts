/** A part of a document in DER (X.690): its tag as it stands, and its contents. */
export interface Der {
  tag: number;
  content: Uint8Array;
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const OBJECT_ID = 0x06;
export const OCTETS = 0x04;
export const IA5_STRING = 0x16;

/**
 * Reads the parts that stand one after the other. Nothing is copied, and each part is at least two octets, so
 * the work is bounded by the input.
 * @returns null when the octets are no DER: a length that does not fit, an indefinite one, a tag of several
 *   octets
 */
export function partsOf(octets: Uint8Array): Der[] | null {
  const parts: Der[] = [];
  let at = 0;
  while (at < octets.length) {
    const tag = octets[at]!;
    const first = octets[at + 1];
    if (first === undefined || (tag & 0x1f) === 0x1f) return null;
    at += 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 4 || at + count > octets.length) return null;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + octets[at++]!;
    }
    if (at + length > octets.length) return null;
    parts.push({ tag, content: octets.subarray(at, at + length) });
    at += length;
  }
  return parts;
}

/** The parts of a constructed part with this tag; empty when it is another one, or no DER. */
export function within(part: Der | undefined, tag: number): Der[] {
  return part?.tag === tag ? (partsOf(part.content) ?? []) : [];
}

/**
 * The contents of a part with this tag in hexadecimal, such as an object identifier; null when it is another
 * one.
 */
export function hexOf(part: Der | undefined, tag: number): string | null {
  return part?.tag === tag ? Buffer.from(part.content).toString('hex') : null;
}
