import type { RrSet } from '../dns/wire/rrset.ts';
import type { TsigKey } from '../dns/wire/tsig.ts';
import type { DnsScope } from '../requests/scope.ts';

/** A key that is lent at this moment, or was a moment ago. */
export interface LentKey extends TsigKey {
  grant_key: number;
  scope: DnsScope;
  /**
   * Its grant has ended a moment ago: what it signed before may be answered again, and nothing else is done.
   */
  over?: boolean;
}

/** What is written down of an update before anything else is done. */
export type Received =
  | { state: 'new'; update_key: number }
  /** The same octets came before. `rcode` is null while the first is being worked on. */
  | { state: 'again'; rcode: number | null }
  /** Too many updates in the last minute. */
  | { state: 'too_many' }
  /** The grant has ended. */
  | { state: 'ended' };

/** How an update ended. `unknown`: the name server did not say, and its records do not show it. */
export interface Settled {
  state: 'applied' | 'refused' | 'failed' | 'unknown';
  rcode: number;
  /** A sentence. */
  answer: string;
}

/** An RRset that an update changes. */
export interface Step {
  before: RrSet;
  after: RrSet;
}

/**
 * Where lent keys and what is done with them are kept. Each of these throws when the store does not answer.
 */
export interface Ledger {
  /** The keys that are lent now. @param name the one that is looked for */
  keys(name: string): Promise<LentKey[]>;
  receive(key: LentKey, given: { mac: Buffer; client: string }): Promise<Received>;
  /**
   * Takes a use of the grant, and writes what is intended. @returns false when the grant has ended, or has no
   * use left
   */
  intend(key: LentKey, update_key: number, target: string, steps: readonly Step[]): Promise<boolean>;
  settle(key: LentKey, update_key: number, settled: Settled): Promise<void>;
}
