/** Where a signer keeps its keys, and what says which of them signs. */
export interface KeyStore {
  /** The selector that signs now; null when none does. */
  current(): Promise<string | null>;
  /**
   * Makes a key pair, unless there is one for this selector, and keeps its private half.
   * @returns the public key as a DKIM record (RFC 6376 section 3.6.1)
   */
  make(selector: string): Promise<string>;
  /** Lets a key sign from now on. The one before stays: mail under way, and a way back, need it. */
  switchTo(selector: string): Promise<void>;
  /**
   * Why a new key may not sign yet, as the end of a sentence; null when all that sign have it. Without it,
   * they have it at once.
   */
  waitsFor?(selector: string): Promise<string | null>;
}

/** What is wrong with a place of keys: a sentence for a person. */
export class KeyStoreError extends Error {
  override readonly name = 'KeyStoreError';
}
