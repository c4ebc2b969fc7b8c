import type { Tx } from '../../shared/runtime/db.ts';
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
