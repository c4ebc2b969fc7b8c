import { type Limits, Refusal } from '../limits.ts';
import { isTnef } from '../mail/tnef.ts';
import type { Problem } from '../model.ts';
import { Problems } from '../problem-list.ts';
import { excerpt } from '../text.ts';
import { CHUNK, inflateAtOnce, inflateStream, type Meter, type Wrapping } from './inflate.ts';
import { gzipStart, type Kind, SNIFF_LENGTH, sniff } from './sniff.ts';
import { tarMembers } from './tar.ts';
import { zipMembers, zipStart } from './zip.ts';

/**
 * Output up to this size is decompressed in one go, which for small reports is several times cheaper than a
 * stream.
 */
const AT_ONCE = 4 * 1024 * 1024;
/** A document found in a delivery. It can be opened more than once, and yields its bytes each time. */
export interface Payload {
  type: 'payload';
  kind: Exclude<Kind, 'gzip' | 'zip' | 'tar'>;
  /** The name of the innermost member, or of the attachment. */
  name: string | null;
  head: Buffer;
  /** The containers around it. */
  depth: number;
  /** Its bytes, when they are in memory as a whole. */
  whole: Buffer | null;
  /** What was wrong with the containers around it; complete once the bytes have been read. */
  problems: Problems;
  open(): AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** A container, or a member of one, that cannot be opened. */
export interface Unopened {
  type: 'refused';
  name: string | null;
  problem: Problem;
}

/** Where bytes were found. */
export interface Place {
  name: string | null;
  /** The containers around them. */
  depth: number;
  /** What was wrong with these. */
  problems: Problems;
}

/** Bytes of one stream: whole when small. */
interface Stream {
  whole: Buffer | null;
  open(): AsyncIterable<Buffer> | Iterable<Buffer>;
}

/**
 * Opens the attachments of one mail, container by container, and counts their cost. One Unpacker per mail,
 * because the limits apply to the mail as a whole. Nothing from a container is ever written to a file; member
 * names are labels only.
 */
export class Unpacker {
  private readonly limits: Limits;
  private unpacked = 0;
  /** Bytes of the attachments opened so far. */
  private delivered = 0;
  private members = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /**
   * The payloads in `bytes`, an attachment or file, recognised by the bytes alone. A limit that concerns the
   * mail as a whole throws a Refusal; a member that cannot be opened is an Unopened, and other members are
   * still read.
   * @param depth the containers around the mail that `bytes` are attached to
   * @param counted they are part of what was given before
   */
  async *unpack(
    bytes: Buffer,
    name: string | null,
    { depth = 0, counted = false }: { depth?: number; counted?: boolean } = {},
  ): AsyncGenerator<Payload | Unopened> {
    if (!counted) this.delivered += bytes.length;
    yield* this.open(bytes, { name, depth, problems: new Problems() });
  }

  private async *open(bytes: Buffer, { name, depth, problems }: Place): AsyncGenerator<Payload | Unopened> {
    const head = bytes.subarray(0, SNIFF_LENGTH);
    let kind = sniff(head);
    let start = 0;
    // The archives in a winmail.dat are files of its own.
    if (kind === 'unknown' && !isTnef(head)) {
      const packed = gzipStart(bytes);
      const found = packed ?? zipStart(bytes);
      if (found !== null) {
        kind = packed === null ? 'zip' : 'gzip';
        start = found;
      }
    }
    if (!isContainer(kind)) {
      yield { type: 'payload', kind, name, head, depth, whole: bytes, problems, open: () => slices(bytes) };
      return;
    }
    if (depth >= this.limits.nesting) {
      throw new Refusal('nested_too_deep', `Containers are nested more than ${this.limits.nesting} deep.`);
    }
    if (kind === 'gzip') {
      yield* this.member(this.inflated(bytes.subarray(start), { format: 'gzip' }, problems), { name, depth, problems });
      return;
    }
    const members = kind === 'zip' ? zipMembers(bytes.subarray(start)) : tarMembers(bytes);
    for await (const member of members) {
      this.countMember();
      if (member.skipped) continue;
      const label = member.name ?? name;
      if (member.problem !== null && member.data === null) {
        yield { type: 'refused', name: label, problem: member.problem };
        continue;
      }
      const own = new Problems();
      for (const { code, message } of problems.list()) own.add(code, message);
      if (member.problem !== null) own.add(member.problem.code, member.problem.message);
      const place: Place = { name: label, depth, problems: own };
      const data = member.data as Buffer;
      if (member.deflated) yield* this.member(this.inflated(data, { format: 'deflate', crc32: member.crc32 }, own), place);
      else yield* this.open(data, { ...place, depth: depth + 1 });
    }
  }

  /** What a decompressed stream holds: another container, or a payload. */
  private async *member(stream: Stream, place: Place): AsyncGenerator<Payload | Unopened> {
    const inside = { ...place, depth: place.depth + 1 };
    if (stream.whole !== null) {
      yield* this.open(stream.whole, inside);
      return;
    }
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of stream.open()) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length >= SNIFF_LENGTH) break;
    }
    head = head.subarray(0, SNIFF_LENGTH);
    const kind = sniff(head);
    if (isContainer(kind) || (kind === 'unknown' && (gzipStart(head) ?? zipStart(head)) !== null)) {
      yield* this.open(await this.hold(() => stream.open()), inside);
      return;
    }
    const { name, depth, problems } = inside;
    yield { type: 'payload', kind, name, head, depth, whole: null, problems, open: () => stream.open() };
  }

  /** All bytes of a payload, in memory. @throws Refusal `unpacked_too_large` */
  async wholeOf({ whole, open }: Payload): Promise<Buffer> {
    return whole ?? this.hold(open);
  }

  /** A container inside a container must be held whole to be opened. */
  private async hold(open: Stream['open']): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of open()) {
      size += chunk.length;
      if (size > this.limits.heldBytes) {
        throw new Refusal('unpacked_too_large', `A container inside a container is larger than ${this.limits.heldBytes} bytes.`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  private inflated(bytes: Buffer, wrapping: Wrapping, problems: Problems): Stream {
    let streamSize = 0;
    // When a stream is opened again, its earlier cost is subtracted.
    let used = { bytes: 0, members: 0 };
    const meter: Meter = {
      bytes: (size) => {
        used.bytes += size;
        streamSize += size;
        this.charge(size);
        this.checkRatio(streamSize, bytes.length, 'A stream');
        // Many small streams, or one that an archive names many times, are a bomb as well.
        this.checkRatio(this.unpacked, this.delivered, 'The mail');
      },
      member: () => {
        used.members++;
        this.countMember();
      },
      damaged: (why) => {
        problems.add('archive_damaged', `The compressed data are damaged (${excerpt(why, 80)}); what could be read is used.`);
      },
    };
    const whole = inflateAtOnce(bytes, wrapping, AT_ONCE, meter);
    if (whole !== null) return { whole, open: () => [whole] };
    return {
      whole: null,
      open: () => {
        this.unpacked -= used.bytes;
        this.members -= used.members;
        used = { bytes: 0, members: 0 };
        streamSize = 0;
        return inflateStream(bytes, wrapping, meter);
      },
    };
  }

  private countMember(): void {
    if (++this.members > this.limits.members) {
      throw new Refusal('too_many_members', `The archives in the mail have more than ${this.limits.members} members.`);
    }
  }

  private charge(size: number): void {
    this.unpacked += size;
    if (this.unpacked > this.limits.unpackedBytes) {
      throw new Refusal('unpacked_too_large', `The mail decompresses to more than ${this.limits.unpackedBytes} bytes.`);
    }
  }

  private checkRatio(size: number, compressed: number, what: string): void {
    if (size > this.limits.ratioFloorBytes && size > compressed * this.limits.ratio) {
      throw new Refusal('ratio_too_high', `${what} decompresses to more than ${this.limits.ratio} times its size.`);
    }
  }
}

function isContainer(kind: Kind): kind is 'gzip' | 'zip' | 'tar' {
  return kind === 'gzip' || kind === 'zip' || kind === 'tar';
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}
