import { Refusal } from '../limits.ts';

/** The signature of a compound file (MS-CFB section 2.2), which Outlook's .msg is. */
const SIGNATURE = Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
const HEADER_LENGTH = 512;
const FAT_SECTORS_IN_HEADER = 109;
const ENTRY_LENGTH = 128;
const SMALL_SECTOR = 64;
/** Streams below this size lie in the small sectors. */
const SMALL_STREAM = 4096;
const STORAGE = 1;
const STREAM = 2;
const NONE = -1;

interface Entry {
  type: number;
  left: number;
  right: number;
  child: number;
  start: number;
  size: number;
}

/** Whether the bytes are a compound file. */
export function isCompoundFile(bytes: Buffer): boolean {
  return bytes.length >= HEADER_LENGTH && bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/**
 * Makes sure that a compound file can be read to its end: chains of sectors end and are not shared, the
 * directory is a tree, no stream is longer than the file. Without this check, the library that reads the file
 * would follow its chains in circles.
 *
 * @param depth how deep storages may be nested
 * @throws Refusal `msg_damaged`, `mime_too_deep`
 */
export function guardCompoundFile(bytes: Buffer, depth: number): void {
  new Guard(bytes).check(depth);
}

class Guard {
  private readonly bytes: Buffer;
  private readonly sector: number;
  private readonly fat: number[] = [];
  private readonly smallFat: number[] = [];
  /** Sectors that may still be visited along all chains: each belongs to one chain. */
  private budget: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.sector = bytes[30] === 12 ? 4096 : 512;
    this.budget = Math.ceil(bytes.length / this.sector) + Math.ceil(bytes.length / SMALL_SECTOR);
  }

  check(depth: number): void {
    const sectors = Math.ceil(this.bytes.length / this.sector);
    const [fatCount, directory, smallStart, smallCount, moreStart, moreCount] = [0x2c, 0x30, 0x3c, 0x40, 0x44, 0x48].map((at) =>
      this.bytes.readInt32LE(at),
    ) as [number, number, number, number, number, number];
    for (const count of [fatCount, smallCount, moreCount]) if (count < 0 || count > sectors) throw damaged();
    for (let i = 0; i < Math.min(fatCount, FAT_SECTORS_IN_HEADER); i++) this.fat.push(this.int(0x4c + 4 * i));
    let more = moreStart;
    for (let i = 0; i < moreCount && more >= 0; i++) {
      const at = this.offset(more);
      for (let j = 0; j < this.sector / 4 - 1 && this.fat.length < fatCount; j++) this.fat.push(this.int(at + 4 * j));
      more = this.int(at + this.sector - 4);
    }
    this.smallFat.push(...this.chain(smallStart, this.fat).slice(0, smallCount));
    this.entries(this.chain(directory, this.fat), depth);
  }

  private entries(directory: readonly number[], depth: number): void {
    const entries: Entry[] = [];
    for (const sector of directory) {
      const start = this.offset(sector);
      for (let at = start; at + ENTRY_LENGTH <= Math.min(start + this.sector, this.bytes.length); at += ENTRY_LENGTH) {
        entries.push({
          type: this.bytes[at + 0x42] as number,
          left: this.int(at + 0x44),
          right: this.int(at + 0x48),
          child: this.int(at + 0x4c),
          start: this.int(at + 0x74),
          size: this.int(at + 0x78),
        });
      }
    }
    const [root] = entries;
    if (root === undefined) throw damaged();
    this.tree(entries, root, depth);
    this.chain(root.start, this.fat);
    let total = 0;
    for (const { type, start, size } of entries) {
      if (type !== STREAM || size === 0) continue;
      total += size;
      if (size < 0 || total > this.bytes.length) throw damaged();
      this.chain(start, size < SMALL_STREAM ? this.smallFat : this.fat);
    }
  }

  /** Every entry is reached once, from one storage. */
  private tree(entries: readonly Entry[], root: Entry, depth: number): void {
    const seen = new Set<number>();
    const waiting = [{ index: root.child, level: 1 }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { index, level } = next;
      if (index === NONE) continue;
      const entry = entries[index];
      if (entry === undefined || seen.has(index)) throw damaged();
      if (level > depth) throw tooDeep(depth);
      seen.add(index);
      waiting.push({ index: entry.left, level }, { index: entry.right, level });
      if (entry.type === STORAGE) waiting.push({ index: entry.child, level: level + 1 });
    }
  }

  /** The sectors of a chain that begins at `start`. */
  private chain(start: number, table: readonly number[]): number[] {
    const sectors: number[] = [];
    const each = this.sector / 4;
    for (let at = start; at >= 0; ) {
      if (--this.budget < 0) throw damaged();
      sectors.push(at);
      const sector = table[Math.floor(at / each)];
      if (sector === undefined) break;
      at = this.int(this.offset(sector) + 4 * (at % each));
    }
    return sectors;
  }

  private offset(sector: number): number {
    return (sector + 1) * this.sector;
  }

  private int(at: number): number {
    if (at < 0 || at + 4 > this.bytes.length) throw damaged();
    return this.bytes.readInt32LE(at);
  }
}

/** Messages are inside one another beyond the limit. */
export function tooDeep(depth: number): Refusal {
  return new Refusal('mime_too_deep', `The .msg file nests messages more than ${depth} deep.`);
}

/** The file contradicts itself. */
export function damaged(cause?: unknown): Refusal {
  const message = 'The .msg file is damaged; save the mail from Outlook again, or export it as .eml.';
  return new Refusal('msg_damaged', message, { cause });
}
