import type { Problem } from '../model.ts';
import { printable } from '../text.ts';

/** One member of an archive. */
export interface Member {
  name: string | null;
  /** Nothing to be read: a directory, or a member that came before. */
  skipped: boolean;
  /** The bytes as they lie in the archive; null when they cannot be had, and then `problem` says why. */
  data: Buffer | null;
  /** `data` are deflated (RFC 1951); else they are the member itself. */
  deflated: boolean;
  crc32: number | null;
  problem: Problem | null;
}

/** A member's name as text: UTF-8 when it is that, else byte for byte. Only ever a label. */
export function memberName(raw: Buffer): string | null {
  const text = raw.toString();
  return printable(text.includes('\ufffd') ? raw.toString('latin1') : text);
}
