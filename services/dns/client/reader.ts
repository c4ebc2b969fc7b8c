import { lowerName, nameOf } from './name.ts';
import { RECORD_TYPES, type RecordData, type RecordType } from './types.ts';

/** Jumps of one name: each goes backwards, and a name has 127 labels at most. */
const MOST_JUMPS = 64;

/** The types that the client queries, by number. */
export const TYPE_NAMES: ReadonlyMap<number, RecordType> = new Map(
  Object.entries(RECORD_TYPES).map(([name, number]) => [number, name as RecordType]),
);

/** Bytes that are not a DNS message. */
export class WireError extends Error {}

/** Reads the parts of a message one after the other; each read that leaves the bytes is a WireError. */
export class Reader {
  private readonly bytes: Buffer;
  /** The octet that is read next. */
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  uint8(): number {
    return this.bytes[this.take(1)]!;
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  /** A view of the message, no copy. */
  octets(count: number): Buffer {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** A name, compressed or not (RFC 1035 section 4.1.4), in presentation format. */
  name(): string {
    const labels: string[] = [];
    let octets = 1;
    let at = this.at;
    let jumps = 0;
    for (;;) {
      const length = this.bytes[at];
      if (length === undefined) throw new WireError('a name leaves the message');
      if (length >= 0xc0) {
        const low = this.bytes[at + 1];
        if (low === undefined) throw new WireError('a name leaves the message');
        const to = ((length & 0x3f) << 8) | low;
        if (to >= at || ++jumps > MOST_JUMPS) throw new WireError('a name points where none can be');
        if (jumps === 1) this.at = at + 2;
        at = to;
      } else if (length >= 0x40) throw new WireError('a label of an unknown kind');
      else if (length === 0) {
        if (jumps === 0) this.at = at + 1;
        return nameOf(labels);
      } else {
        octets += length + 1;
        if (octets > 255) throw new WireError('a name is too long');
        if (at + 1 + length > this.bytes.length) throw new WireError('a name leaves the message');
        labels.push(this.bytes.toString('latin1', at + 1, at + 1 + length));
        at += length + 1;
      }
    }
  }

  /** In lower case: a name that is compressed onto the question has its random case. */
  private host(): string {
    return lowerName(this.name());
  }

  /** What precedes the data of a record, and where the data ends. */
  recordHead(): { name: string; type: number; class: number; ttl: number; end: number } {
    const head = { name: this.name(), type: this.uint16(), class: this.uint16(), ttl: this.uint32() };
    const length = this.uint16();
    const end = this.at + length;
    if (end > this.bytes.length) throw new WireError('a record leaves the message');
    return { ...head, end };
  }

  /**
   * The data of a record, up to its end.
   * @throws WireError when the data has another length than the record says
   */
  data<T extends RecordType>(type: T, end: number): RecordData[T] {
    const data = this.dataOf(type, end);
    if (this.at !== end) throw new WireError(`the data of a ${type} record has another length than it says`);
    return data as RecordData[T];
  }

  private dataOf(type: RecordType, end: number): RecordData[RecordType] {
    switch (type) {
      case 'A':
        return this.octets(4).join('.');
      case 'AAAA':
        return ipv6Text(this.octets(16));
      case 'NS':
      case 'CNAME':
      case 'PTR':
        return this.host();
      case 'MX':
        return { preference: this.uint16(), exchange: this.host() };
      case 'SOA':
        return {
          mname: this.host(),
          rname: this.host(),
          serial: this.uint32(),
          refresh: this.uint32(),
          retry: this.uint32(),
          expire: this.uint32(),
          minimum: this.uint32(),
        };
      case 'TXT': {
        const strings: string[] = [];
        while (this.at < end) strings.push(this.octets(this.uint8()).toString('latin1'));
        return strings;
      }
      case 'DNSKEY':
        return { flags: this.uint16(), protocol: this.uint8(), algorithm: this.uint8(), key: this.rest(end) };
      case 'TLSA':
        return { usage: this.uint8(), selector: this.uint8(), matching: this.uint8(), data: this.rest(end) };
    }
  }

  /** The rest of a record. A copy, so that a cached record does not keep the whole message in memory. */
  rest(end: number): Uint8Array {
    return Uint8Array.from(this.octets(Math.max(0, end - this.at)));
  }

  private take(count: number): number {
    const at = this.at;
    if (at + count > this.bytes.length) throw new WireError('the message ends too early');
    this.at = at + count;
    return at;
  }
}

/** The canonical text of an IPv6 address (RFC 5952). */
function ipv6Text(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i));
  let best = { from: 0, length: 1 };
  for (const from of groups.keys()) {
    let length = 0;
    while (groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.length === 1) return text(groups);
  return `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}
