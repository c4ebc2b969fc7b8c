import { Reader, TYPE_NAMES, WireError } from '../client/reader.ts';
import { rdataOf, Writer } from './writer.ts';

/** The classes that an update uses (RFC 2136 section 1.2). */
export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const;
/** Types that only messages have. */
export const META_TYPE = { OPT: 41, TKEY: 249, TSIG: 250, ANY: 255 } as const;
export const OPCODE = { QUERY: 0, UPDATE: 5 } as const;

/** Maximum number of records in a message that is read. */
const MOST_RECORDS = 4_000;
/** The length of a message on TCP has two octets. */
const MOST_OCTETS = 65_535;

/** A record as it is on the wire. */
export interface RawRecord {
  /** In presentation format, in the letters that were sent. */
  name: string;
  type: number;
  class: number;
  /** Seconds. */
  ttl: number;
  /** Names in it are uncompressed, and in lower case, for the types that the client knows. */
  rdata: Buffer;
}

/**
 * A message with all its sections; in an update they are zone, prerequisites, updates and additional data.
 */
export interface RawMessage {
  id: number;
  opcode: number;
  response: boolean;
  /**
   * AA, TC, RD, RA, AD and CD as they are in the header; in an update they are zero (RFC 2136 section 2.2).
   */
  flags: number;
  rcode: number;
  questions: { name: string; type: number; class: number }[];
  answers: RawRecord[];
  authorities: RawRecord[];
  additionals: RawRecord[];
}

/** The bits of the header that are neither QR, opcode nor code. */
const FLAG_BITS = 0x07f0;

/**
 * @returns the octets of a message, names uncompressed
 * @throws WireError for what a message cannot hold
 */
export function encodeMessage(message: RawMessage): Buffer {
  const { questions, answers, authorities, additionals } = message;
  const flags =
    (message.response ? 0x8000 : 0) | ((message.opcode & 15) << 11) | (message.flags & FLAG_BITS) | (message.rcode & 15);
  const writer = new Writer().uint(message.id, 2).uint(flags, 2);
  for (const section of [questions, answers, authorities, additionals]) writer.uint(section.length, 2);
  for (const question of questions) writer.name(question.name).uint(question.type, 2).uint(question.class, 2);
  for (const record of [...answers, ...authorities, ...additionals]) writer.octets(encodeRecord(record));
  const bytes = writer.bytes();
  if (bytes.length > MOST_OCTETS) throw new WireError(`the message has ${bytes.length} octets, and ${MOST_OCTETS} are allowed`);
  return bytes;
}

/** The octets of one record. */
export function encodeRecord({ name, type, class: klass, ttl, rdata }: RawRecord): Buffer {
  return new Writer().name(name).uint(type, 2).uint(klass, 2).uint(ttl, 4).uint(rdata.length, 2).octets(rdata).bytes();
}

/**
 * Reads a message that anyone may have sent, strictly: every section must be whole, and nothing may follow
 * the last record.
 * @returns the message, and the octet at which its last additional record begins (null without any)
 * @throws WireError
 */
export function decodeMessage(bytes: Buffer): RawMessage & { lastRecordAt: number | null } {
  if (bytes.length < 12) throw new WireError('shorter than a header');
  const flags = bytes.readUInt16BE(2);
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  if (counts.reduce((sum, count) => sum + count, 0) > MOST_RECORDS) throw new WireError('too many records');
  const reader = new Reader(bytes, 12);
  const many = <T>(count: number, one: () => T): T[] => Array.from({ length: count }, one);
  let lastRecordAt: number | null = null;
  const questions = many(counts[0]!, () => ({ name: reader.name(), type: reader.uint16(), class: reader.uint16() }));
  const answers = many(counts[1]!, () => readRecord(reader));
  const authorities = many(counts[2]!, () => readRecord(reader));
  const additionals = many(counts[3]!, () => {
    lastRecordAt = reader.at;
    return readRecord(reader);
  });
  if (reader.at !== bytes.length) throw new WireError('octets follow the last record');
  return {
    id: bytes.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    response: (flags & 0x8000) !== 0,
    flags: flags & FLAG_BITS,
    rcode: flags & 15,
    questions,
    answers,
    authorities,
    additionals,
    lastRecordAt,
  };
}

function readRecord(reader: Reader): RawRecord {
  const { end, ...head } = reader.recordHead();
  const known = TYPE_NAMES.get(head.type);
  // Prerequisites and deletions have records of known types without data.
  const rdata =
    known === undefined || reader.at === end ? Buffer.from(reader.rest(end)) : rdataOf(known, reader.data(known, end));
  return { ...head, rdata };
}
