/** The record types that the client queries, with their numbers (RFC 1035 section 3.2.2 and later). */
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
 * The data of a record. Names are in presentation format without the trailing dot, in lower case: an octet
 * that is not visible ASCII is written `\DDD`, a dot or backslash inside a label has a backslash before it
 * (RFC 1035 section 5.1).
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
  /** The strings of one record in order, one character for each octet (latin1), not joined. */
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

/** Why a query failed. None of these means that there is no such record. */
export type UnknownReason =
  | 'timeout'
  /** The server cannot be reached: refused port, no route. */
  | 'unreachable'
  | 'servfail'
  | 'refused'
  /** A server that does not hold the zone and does not ask others: a referral instead of an answer. */
  | 'lame'
  /** Bytes that do not answer the query. */
  | 'malformed'
  /** CNAME records that form a loop or too long a chain. */
  | 'cname_loop'
  /** The query was not sent: the caller's budget is used up, or too many queries wait. */
  | 'budget'
  | 'cancelled';

interface Told {
  /**
   * The name that has (or lacks) the records: the queried one, or the one its CNAME records lead to. Lower
   * case.
   */
  name: string;
  /** The names that the CNAME records on the way lead to, in order; empty when there are none. Lower case. */
  aliases: readonly string[];
  /** Seconds that the answer may be cached, within the client's settings. */
  ttl: number;
  /**
   * Whether the server claims to have validated the answer (RFC 6840 section 5.8); as trustworthy as the path
   * to that server.
   */
  authenticated: boolean;
}

/**
 * What is known about a name and a type. "unknown" means that the query failed; it must never be treated as
 * "there is none".
 */
export type Answer<T extends RecordType = RecordType> =
  | (Told & { state: 'records'; records: readonly RecordData[T][] })
  /** The name exists, without records of this type. */
  | (Told & { state: 'nodata' })
  | (Told & { state: 'nxdomain' })
  | {
      state: 'unknown';
      reason: UnknownReason;
      /** A sentence, to show. */
      message: string;
      /** What the server said about its error (RFC 8914), in our words: "signature expired". */
      extended?: string;
    };

/**
 * How many more queries one piece of work may send, shared by all its calls; answers from the cache are free.
 */
export interface Budget {
  left: number;
}

export interface AskOptions {
  signal?: AbortSignal | undefined;
  budget?: Budget | undefined;
  /**
   * Ask a resolver that validates for what it would refuse (CD, RFC 4035 section 3.2.2). Such an answer says
   * why a query failed; nothing else may rest on it.
   */
  unchecked?: boolean | undefined;
}

/** Queries DNS. A parameter wherever DNS is needed, so that tests can replace it. */
export interface Dns {
  /**
   * Never rejects: the answer to a failed query is `unknown`. A name that no zone can contain (a label above
   * 63 octets, a name above 253, an empty label) is `nxdomain`, without a query.
   */
  ask<T extends RecordType>(name: string, type: T, options?: AskOptions): Promise<Answer<T>>;
}
