import type { Limits } from '../report/limits.ts';
import type { Config } from '../shared/settings/config.ts';
import type { Privacy } from './other-reports.ts';
import type { Readers } from './reading/pool.ts';
import type { Months } from './upkeep/monthly-retention.ts';

/** Raw mails by message key. */
export type Raws = ReadonlyMap<number, Buffer>;

/** How messages are parsed. */
export interface ParseOptions {
  /** Limits other than the defaults. */
  limits?: Partial<Limits>;
  trust: Config['trust'];
  /** What of the personal data in failure reports may be stored; without it, none. */
  privacy?: Privacy;
  /** The threads that read the mails; without it, this thread does. */
  readers?: Readers;
  /** Bytes of mails that the caller has just stored; all others are loaded. */
  raws?: Raws;
  /**
   * Creates the partitions of months that are about to be written; without it, they share the default
   * partition.
   */
  months?: Months | undefined;
  /**
   * Receives the keys of large messages, which are then not parsed; without it, they are parsed after the
   * small ones.
   */
  aside?: ((keys: readonly number[]) => void) | undefined;
}

/** `ParseOptions` with the defaults filled in. */
export interface ParseSettings {
  trust: Config['trust'];
  privacy: Privacy;
  readers: Readers;
  raws: Raws;
  months: Months;
  aside: ((keys: readonly number[]) => void) | undefined;
}
