import { encode } from 'dns-packet';
import { labelsOf, lowerName, nameOf } from './name.ts';
import { RECORD_TYPES, type RecordData, type RecordType } from './types.ts';

/** The size of a payload that needs no fragmentation (DNS flag day 2020). */
const UDP_PAYLOAD = 1232;
/** Maximum number of records in a message; no answer to our queries has more. */
const MOST_RECORDS = 4_000;
/** Jumps of one name: each goes backwards, and a name has 127 labels at most. */
const MOST_JUMPS = 64;

const TYPE_NAMES = new Map<number, RecordType>(
  Object.entries(RECORD_TYPES).map(([name, number]) => [number, name as RecordType]),
);
const IN = 1;

/** Bytes that are not a DNS message. */
export class WireError extends Error {}

export interface Question {
  id: number;
  name: string;
  type: RecordType;
}

/**
 * A question as it is sent; for a name whose labels are ASCII without dots inside.
 * @param question.name in presentation format, in the case to be sent
 * @param options.recursive whether to ask for recursion (RD); off for a server that holds the zone
 * @param options.edns whether to offer a larger payload (RFC 6891); some old servers answer FORMERR to it
 * @throws WireError for any other name
 */
export function encodeQuestion({ id, name, type }: Question, options: { recursive: boolean; edns: boolean }): Buffer {
  const labels = labelsOf(name) ?? [];
  // dns-packet takes names joined by dots, and writes what is not ASCII as UTF-8.
  if (labels.some((label) => /[.\x80-\xff]/.test(label))) throw new WireError('a label has a dot, or octets that are no ASCII');
  const RD = 1 << 8;
  // AD in a query requests AD in the answer, without the signatures that DO would add (RFC 6840 section 5.7).
  const AD = 1 << 5;
  return encode({
    type: 'query',
    id,
    flags: options.recursive ? RD | AD : 0,
    questions: [{ name: labels.join('.') || '.', type, class: 'IN' }],
    additionals: options.edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
}

export interface WireRecord {
  name: string;
  /** The number of the type; `data` is there for those of RECORD_TYPES in class IN. */
  type: number;
  ttl: number;
  data: RecordData[RecordType] | null;
}

export interface Message {
  id: number;
  opcode: number;
  response: boolean;
  authoritative: boolean;
  truncated: boolean;
  recursionAvailable: boolean;
  authenticated: boolean;
  /** With the upper bits of the OPT record (RFC 6891 section 6.1.3). */
  rcode: number;
  /** In the case it came in; null when the message has none, or more than one. */
  question: { name: string; type: number; class: number } | null;
  answers: WireRecord[];
  authorities: WireRecord[];
}

/**
 * Reads a message that anyone may have sent. It is strict: data outside its record, a name that jumps forward or is too long, and counts
 * that exceed the bytes make a message unreadable. Bytes after the last record are ignored.
 *
 * dns-packet's decoder is not used for messages of strangers: it turns a label "a.b" and the labels "a", "b" into the same name, turns
 * octets into U+FFFD, and reads data beyond the end of its record.
 * @throws WireError
 */
export function readMessage(bytes: Buffer): Message {
  if (bytes.length < 12) throw new WireError('shorter than a header');
  const flags = bytes.readUInt16BE(2);
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  if (counts[1]! + counts[2]! + counts[3]! > MOST_RECORDS) throw new WireError('too many records');
  const reader = new Reader(bytes, 12);
  let question: Message['question'] = null;
  for (let i = 0; i < counts[0]!; i++) {
    const one = { name: reader.name(), type: reader.uint16(), class: reader.uint16() };
    question = counts[0] === 1 ? one : null;
  }
  const message: Message = {
    id: bytes.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    response: (flags & 0x8000) !== 0,
    authoritative: (flags & 0x400) !== 0,
    truncated: (flags & 0x200) !== 0,
    recursionAvailable: (flags & 0x80) !== 0,
    authenticated: (flags & 0x20) !== 0,
    rcode: flags & 15,
    question,
    answers: [],
    authorities: [],
  };
  // A truncated message may end anywhere; the query is repeated over TCP.
  if (message.truncated) return message;
  for (let i = 0; i < counts[1]!; i++) message.answers.push(reader.record().record);
  for (let i = 0; i < counts[2]!; i++) message.authorities.push(reader.record().record);
  for (let i = 0; i < counts[3]!; i++) {
    const { record, extendedRcode } = reader.record();
    if (record.type === OPT) message.rcode |= extendedRcode << 4;
  }
  return message;
}

const OPT = 41;

class Reader {
  private readonly bytes: Buffer;
  private at: number;

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

  record(): { record: WireRecord; extendedRcode: number } {
    const name = this.name();
    const type = this.uint16();
    const klass = this.uint16();
    const ttl = this.uint32();
    const length = this.uint16();
    const end = this.at + length;
    if (end > this.bytes.length) throw new WireError('a record leaves the message');
    const known = klass === IN ? TYPE_NAMES.get(type) : undefined;
    let data: WireRecord['data'] = null;
    if (known === undefined) this.at = end;
    else {
      data = this.data(known, end);
      if (this.at !== end) throw new WireError(`the data of a ${known} record has another length than it says`);
    }
    // Above 2^31 a TTL counts as 0 (RFC 2181 section 8).
    return {
      record: { name, type: klass === IN || type === OPT ? type : -1, ttl: ttl > 0x7fff_ffff ? 0 : ttl, data },
      extendedRcode: ttl >>> 24,
    };
  }

  private data(type: RecordType, end: number): RecordData[RecordType] {
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

  /** A copy, so that a cached record does not keep the whole message in memory. */
  private rest(end: number): Uint8Array {
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
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length) best = { from: i, length };
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.length === 1) return text(groups);
  return `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}
