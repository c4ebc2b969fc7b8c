import type { Problem } from '../model.ts';
import { printable } from '../text.ts';

/** One member of an archive. */
export interface Member {
  name: string | null;
  /** Not to be read: a directory, or a member that was read before. */
  skipped: boolean;
  /** The bytes as stored in the archive; null when they are not available, for the reason in `problem`. */
  data: Buffer | null;
  /** `data` are deflated (RFC 1951); else they are the member itself. */
  deflated: boolean;
  crc32: number | null;
  problem: Problem | null;
}

/** A member's name as text: UTF-8 when valid, else one character per byte. Used as a label only. */
export function memberName(raw: Buffer): string | null {
  const text = raw.toString();
  return printable(text.includes('\ufffd') ? raw.toString('latin1') : text);
}
