import type { Tx } from '../../shared/runtime/db.ts';
import { type KeyUse, loadKeyUses } from '../../store/analysis/senders.ts';
import { type Keys, loadKeys } from '../../store/analysis/signatures.ts';

/**
 * With whose keys the sources of a domain sign. Read once for all parts of one look at the domain: it takes
 * many records.
 */
export class KeysOfDomain {
  readonly #domain: string;
  #read: { from: string; reporters: string; keys: ReadonlyMap<string, Keys> } | null = null;

  constructor(domain: string) {
    this.#domain = domain;
  }

  #uses: { names: string; uses: readonly KeyUse[] } | null = null;

  /** Which keys the sources sign with, by the rollup. @param days.reporters whose word counts */
  async uses(tx: Tx, days: { from: string; to: string; reporters: readonly string[] }): Promise<readonly KeyUse[]> {
    const names = [days.from, days.to, ...[...days.reporters].sort()].join('\n');
    if (this.#uses?.names !== names)
      this.#uses = { names, uses: await loadKeyUses(tx, this.#domain, { ...days, recent: days.from }) };
    return this.#uses.uses;
  }

  /**
   * @param from YYYY-MM-DD
   * @param reporters whose word counts; read anew when others do
   */
  async load(tx: Tx, from: string, reporters: readonly string[]): Promise<ReadonlyMap<string, Keys>> {
    const names = [...reporters].sort().join('\n');
    if (this.#read?.from !== from || this.#read.reporters !== names) {
      this.#read = { from, reporters: names, keys: await loadKeys(tx, this.#domain, from, reporters) };
    }
    return this.#read.keys;
  }
}
