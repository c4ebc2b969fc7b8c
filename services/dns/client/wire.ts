import { encode } from 'dns-packet';
import { labelsOf } from './name.ts';
import { Reader, TYPE_NAMES, WireError } from './reader.ts';
import type { RecordData, RecordType } from './types.ts';

/** The size of a payload that needs no fragmentation (DNS flag day 2020). */
const UDP_PAYLOAD = 1232;
/** Maximum number of records in a message; no answer to our queries has more. */
const MOST_RECORDS = 4_000;
const IN = 1;

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
 * @param options.unchecked whether to ask a resolver not to validate (CD)
 * @throws WireError for any other name
 */
export function encodeQuestion(
  { id, name, type }: Question,
  options: { recursive: boolean; edns: boolean; unchecked?: boolean | undefined },
): Buffer {
  const labels = labelsOf(name) ?? [];
  // dns-packet takes names joined by dots, and writes what is not ASCII as UTF-8.
  if (labels.some((label) => /[.\x80-\xff]/.test(label))) throw new WireError('a label has a dot, or octets that are no ASCII');
  const RD = 1 << 8;
  // AD in a query requests AD in the answer, without the signatures that DO would add (RFC 6840 section 5.7).
  const AD = 1 << 5;
  const CD = 1 << 4;
  return encode({
    type: 'query',
    id,
    flags: (options.recursive ? RD | AD : 0) | (options.unchecked ? CD : 0),
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
  /** The codes of extended errors, in their order (RFC 8914). */
  extended: number[];
  /** In the case it came in; null when the message has none, or more than one. */
  question: { name: string; type: number; class: number } | null;
  answers: WireRecord[];
  authorities: WireRecord[];
}

/**
 * Reads a message that anyone may have sent. It is strict: data outside its record, a name that jumps forward
 * or is too long, and counts that exceed the bytes make a message unreadable. Bytes after the last record are
 * ignored.
 *
 * dns-packet's decoder is not used for messages of strangers: it turns a label "a.b" and the labels "a", "b"
 * into the same name, turns octets into U+FFFD, and reads data beyond the end of its record.
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
    extended: [],
    question,
    answers: [],
    authorities: [],
  };
  // A truncated message may end anywhere; the query is repeated over TCP.
  if (message.truncated) return message;
  for (let i = 0; i < counts[1]!; i++) message.answers.push(recordOf(reader).record);
  for (let i = 0; i < counts[2]!; i++) message.authorities.push(recordOf(reader).record);
  for (let i = 0; i < counts[3]!; i++) {
    const { record, extendedRcode, options } = recordOf(reader);
    if (record.type === OPT) {
      message.rcode |= extendedRcode << 4;
      message.extended.push(...extendedErrors(options));
    }
  }
  return message;
}

const OPT = 41;

const EXTENDED_ERROR = 15;
const NO_OPTIONS = Buffer.alloc(0);

/**
 * The codes of extended errors among the options of an OPT record. Their texts, which anyone may have
 * written, are left.
 */
function extendedErrors(options: Buffer): number[] {
  const codes: number[] = [];
  for (let at = 0; at + 4 <= options.length; at += 4 + options.readUInt16BE(at + 2)) {
    const length = options.readUInt16BE(at + 2);
    const whole = length >= 2 && at + 4 + length <= options.length;
    if (options.readUInt16BE(at) === EXTENDED_ERROR && whole) codes.push(options.readUInt16BE(at + 4));
  }
  return codes;
}

/** One record of a section, with what an OPT record adds to the code of the answer, and its options. */
function recordOf(reader: Reader): { record: WireRecord; extendedRcode: number; options: Buffer } {
  const { name, type, class: klass, ttl, end } = reader.recordHead();
  const known = klass === IN ? TYPE_NAMES.get(type) : undefined;
  let data: WireRecord['data'] = null;
  let options: Buffer = NO_OPTIONS;
  if (known !== undefined) data = reader.data(known, end);
  else if (type === OPT) options = Buffer.from(reader.rest(end));
  else reader.at = end;
  // Above 2^31 a TTL counts as 0 (RFC 2181 section 8).
  return {
    record: { name, type: klass === IN || type === OPT ? type : -1, ttl: ttl > 0x7fff_ffff ? 0 : ttl, data },
    extendedRcode: ttl >>> 24,
    options,
  };
}
