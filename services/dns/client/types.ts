/** The types of records that the client asks for, with their numbers (RFC 1035 section 3.2.2 and later). */
export const RECORD_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  DNSKEY: 48,
  TLSA: 52,
} as const;
export type RecordType = keyof typeof RECORD_TYPES;

/**
 * What a record holds. Names are in presentation format without the trailing dot, in lower case: an octet that is no
 * visible ASCII is `\DDD`, a dot or backslash inside a label has a backslash before it (RFC 1035 section 5.1).
 */
export interface RecordData {
  /** Canonical text: "192.0.2.1". */
  A: string;
  /** Canonical text (RFC 5952): "2001:db8::1". */
  AAAA: string;
  NS: string;
  CNAME: string;
  PTR: string;
  SOA: Soa;
  MX: { preference: number; exchange: string };
  /** The strings of one record, in their order, one character an octet (latin1), not joined. */
  TXT: string[];
  DNSKEY: { flags: number; protocol: number; algorithm: number; key: Uint8Array };
  TLSA: { usage: number; selector: number; matching: number; data: Uint8Array };
}

export interface Soa {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/** Why nobody could say. None of these means that there is no such record. */
export type UnknownReason =
  | 'timeout'
  /** No packet got through: refused port, no route. */
  | 'unreachable'
  | 'servfail'
  | 'refused'
  /** A server that does not hold the zone and does not ask others: a referral instead of an answer. */
  | 'lame'
  /** Bytes that are no answer to the question. */
  | 'malformed'
  /** CNAME records that lead in a circle, or on and on. */
  | 'cname_loop'
  /** The question was not asked: the caller's budget is used up, or too many wait. */
  | 'budget'
  | 'cancelled';

interface Told {
  /** The name that holds (or lacks) the records: the one asked for, or where its CNAME records lead. Lower case. */
  name: string;
  /** The names that the CNAME records on the way lead to, in order; empty when there are none. Lower case. */
  aliases: readonly string[];
  /** Seconds that the answer may be kept; bounded by the client's settings. */
  ttl: number;
  /** Whether the server says that it validated the answer (RFC 6840 section 5.8). Worth as much as the way to that server. */
  authenticated: boolean;
}

/** What is known of a name and a type. "unknown" says that nobody could tell: it is never to be taken for "there is none". */
export type Answer<T extends RecordType = RecordType> =
  | (Told & { state: 'records'; records: readonly RecordData[T][] })
  /** The name exists, without records of this type. */
  | (Told & { state: 'nodata' })
  | (Told & { state: 'nxdomain' })
  | { state: 'unknown'; reason: UnknownReason /** A sentence, to show. */; message: string };

/** How many more questions may go out for one piece of work. Shared by all its calls; an answer from the cache costs nothing. */
export interface Budget {
  left: number;
}

export interface AskOptions {
  signal?: AbortSignal | undefined;
  budget?: Budget | undefined;
}

/** Asks DNS. A parameter wherever DNS is needed: tests hand in their own. */
export interface Dns {
  /**
   * Never rejects: what could not be answered is `unknown`. A name that no zone can hold (a label above 63 octets, a name above 253, an
   * empty label) is `nxdomain`, and nobody is asked.
   */
  ask<T extends RecordType>(name: string, type: T, options?: AskOptions): Promise<Answer<T>>;
}
