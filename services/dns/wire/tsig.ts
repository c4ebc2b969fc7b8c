import { createHmac, timingSafeEqual } from 'node:crypto';
import { lowerName } from '../client/name.ts';
import { Reader, WireError } from '../client/reader.ts';
import { CLASS, decodeMessage, encodeRecord, META_TYPE, type RawMessage } from './message.ts';
import { canonicalName, Writer } from './writer.ts';

/** The algorithms that are offered, by their names on the wire, with their hash (RFC 8945 section 6). */
export const TSIG_ALGORITHMS = { 'hmac-sha256': 'sha256', 'hmac-sha512': 'sha512' } as const;
export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS;

/** A secret shared with a name server. */
export interface TsigKey {
  /** A domain name; letter case does not matter. */
  name: string;
  algorithm: TsigAlgorithm;
  /** The octets, not their base64. */
  secret: Buffer;
}

/** Codes of the error field (RFC 8945 section 3). */
export const TSIG_ERRORS = { BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;
export type TsigError = keyof typeof TSIG_ERRORS;

/** Seconds by which the clocks may differ (RFC 8945 section 10). */
const FUDGE_SECONDS = 300;

/** The data of a TSIG record (RFC 8945 section 4.2). */
export interface Tsig {
  keyName: string;
  algorithm: string;
  /** Seconds since 1970, 48 bits. */
  time: number;
  fudge: number;
  mac: Buffer;
  originalId: number;
  error: number;
  other: Buffer;
}

/** What is signed along with the message: all of a TSIG record but MAC and id. */
type Variables = Pick<Tsig, 'keyName' | 'algorithm' | 'time' | 'fudge' | 'error' | 'other'>;

/**
 * Signs a message by appending a TSIG record (RFC 8945 section 5.1).
 * @param bytes without TSIG
 * @param options.time seconds since 1970
 * @param options.requestMac of the request, for an answer (section 5.3)
 * @param options.error for an answer that reports BADTIME; `other` then has the time of the server
 * @returns the signed message, and its MAC, by which the answer is verified
 */
export function signMessage(
  bytes: Buffer,
  key: TsigKey,
  options: { time: number; requestMac?: Buffer; error?: number; other?: Buffer },
): { bytes: Buffer; mac: Buffer } {
  const variables: Variables = {
    keyName: key.name,
    algorithm: key.algorithm,
    time: options.time,
    fudge: FUDGE_SECONDS,
    error: options.error ?? 0,
    other: options.other ?? Buffer.alloc(0),
  };
  const mac = macOf(bytes, variables, key, options.requestMac ?? null);
  return { bytes: appendTsig(bytes, { ...variables, mac, originalId: bytes.readUInt16BE(0) }), mac };
}

/** Appends a TSIG record as it is: for answers without a MAC (RFC 8945 section 5.3.2). */
export function appendTsig(bytes: Buffer, tsig: Tsig): Buffer {
  const rdata = new Writer()
    .name(tsig.algorithm)
    .uint(tsig.time, 6)
    .uint(tsig.fudge, 2)
    .uint(tsig.mac.length, 2)
    .octets(tsig.mac)
    .uint(tsig.originalId, 2)
    .uint(tsig.error, 2)
    .uint(tsig.other.length, 2)
    .octets(tsig.other)
    .bytes();
  const record = encodeRecord({ name: tsig.keyName, type: META_TYPE.TSIG, class: CLASS.ANY, ttl: 0, rdata });
  return Buffer.concat([withCount(bytes, 1), record]);
}

/** The HMAC over the request's MAC, the message before its TSIG, and the variables (RFC 8945 section 4.3). */
export function macOf(bytes: Buffer, variables: Variables, key: TsigKey, requestMac: Buffer | null): Buffer {
  const hmac = createHmac(TSIG_ALGORITHMS[key.algorithm], key.secret);
  if (requestMac !== null) hmac.update(new Writer().uint(requestMac.length, 2).octets(requestMac).bytes());
  const rest = new Writer()
    .octets(canonicalName(variables.keyName))
    .uint(CLASS.ANY, 2)
    .uint(0, 4)
    .octets(canonicalName(variables.algorithm))
    .uint(variables.time, 6)
    .uint(variables.fudge, 2)
    .uint(variables.error, 2)
    .uint(variables.other.length, 2)
    .octets(variables.other);
  return hmac.update(bytes).update(rest.bytes()).digest();
}

/** A message that was read, its TSIG if it has one, and the octets that the MAC is over. */
export interface Signed {
  /** Without the TSIG record. */
  message: RawMessage;
  tsig: Tsig | null;
  unsigned: Buffer;
}

/**
 * Reads a message and takes its TSIG record off.
 * @throws WireError for a message that is not whole, and for a TSIG that is not alone or not the last record
 *   (RFC 8945 section 5.1)
 */
export function readSigned(bytes: Buffer): Signed {
  const { lastRecordAt, ...message } = decodeMessage(bytes);
  const records = [...message.answers, ...message.authorities, ...message.additionals];
  const signatures = records.filter(({ type }) => type === META_TYPE.TSIG).length;
  const last = message.additionals.at(-1);
  if (signatures === 0) return { message, tsig: null, unsigned: bytes };
  if (signatures > 1 || last?.type !== META_TYPE.TSIG) throw new WireError('a TSIG record is not the last one, or not alone');
  if (last.class !== CLASS.ANY || last.ttl !== 0) throw new WireError('a TSIG record has a class or a TTL that it cannot have');
  const tsig = readTsig(last.name, last.rdata);
  const unsigned = withCount(bytes.subarray(0, lastRecordAt!), -1);
  // A forwarder may have changed the id (RFC 8945 section 4.3.2).
  unsigned.writeUInt16BE(tsig.originalId, 0);
  return { message: { ...message, additionals: message.additionals.slice(0, -1) }, tsig, unsigned };
}

function readTsig(keyName: string, rdata: Buffer): Tsig {
  const reader = new Reader(rdata, 0);
  const algorithm = reader.name();
  const time = reader.uint16() * 2 ** 32 + reader.uint32();
  const fudge = reader.uint16();
  const mac = Buffer.from(reader.octets(reader.uint16()));
  const originalId = reader.uint16();
  const error = reader.uint16();
  const other = Buffer.from(reader.octets(reader.uint16()));
  if (reader.at !== rdata.length) throw new WireError('a TSIG record has another length than it says');
  return { keyName, algorithm, time, fudge, mac, originalId, error, other };
}

/**
 * Verifies a signature in the order of RFC 8945 section 5.2: key, MAC, time, length of the MAC.
 * @param key the key of this name; null when there is none
 * @param requestMac of the request, when an answer is verified
 * @param now seconds since 1970
 * @returns null when the signature holds, otherwise the first error; FORMERR for a MAC that is too short or
 *   too long for any use
 */
export function verifyTsig(
  { tsig, unsigned }: { tsig: Tsig; unsigned: Buffer },
  key: TsigKey | null,
  requestMac: Buffer | null,
  now: number,
): TsigError | 'FORMERR' | null {
  if (key === null || lowerName(tsig.keyName) !== lowerName(key.name) || lowerName(tsig.algorithm) !== key.algorithm)
    return 'BADKEY';
  const whole = macOf(unsigned, tsig, key, requestMac);
  const { length } = tsig.mac;
  if (length > whole.length || length < Math.max(10, whole.length / 2)) return 'FORMERR';
  if (!timingSafeEqual(tsig.mac, whole.subarray(0, length))) return 'BADSIG';
  if (Math.abs(now - tsig.time) > tsig.fudge) return 'BADTIME';
  return length < whole.length ? 'BADTRUNC' : null;
}

/** The message with another number of additional records, as a copy. */
function withCount(bytes: Buffer, by: 1 | -1): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(copy.readUInt16BE(10) + by, 10);
  return copy;
}
