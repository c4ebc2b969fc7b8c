/** The answer of a web server. "unknown": a retry may help; "broken": it will not. */
export type WebAnswer =
  | {
      state: 'answered';
      status: number;
      /** The media type without parameters, in lower case; null when the server named none. */
      type: string | null;
      body: Uint8Array;
    }
  /**
   * A certificate that is not valid for the name, an address that must not be used, a body above the limit.
   * `message` is a sentence.
   */
  | {
      state: 'broken';
      message: string;
      /** The name has a private address here, where others may see a public one. */
      private?: true;
    }
  /** A time-out, a refused connection, a name that could not be resolved. `message` is a sentence. */
  | { state: 'unknown'; message: string };

export interface WebOptions {
  signal?: AbortSignal | undefined;
  /** Octets of a body at most; a longer one is `broken`. */
  mostOctets: number;
}

/** Fetches documents over HTTPS. A parameter wherever the web is needed: tests pass their own. */
export interface Web {
  /** Never rejects and never follows a redirect: its status is returned. */
  get(url: string, options: WebOptions): Promise<WebAnswer>;
}

/**
 * The text of a document, read as UTF-8.
 * @param mark whether a byte order mark stays: where a grammar has none, it is a fault
 */
export function textOf(body: Uint8Array, mark: 'without mark' | 'with mark' = 'without mark'): string {
  return new TextDecoder('utf-8', { ignoreBOM: mark === 'with mark' }).decode(body);
}
