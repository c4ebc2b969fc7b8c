/** What says which key of a domain signs, in a ConfigMap, and how the files of a Secret are named. */
export interface SignerTable {
  /** The file of the ConfigMap. */
  file: string;
  /** The file of the Secret with the private key of a selector. */
  key(selector: string): string;
  /**
   * The table's line for a selector, and the selector that a line names; null when it is about another
   * domain.
   */
  line(selector: string): string;
  selectorIn(line: string): string | null;
}

/**
 * The table of a signer, as the layouts in files have it. @param mount where its pods have the Secret; of
 * opendkim
 */
export function tableOf(signer: 'rspamd' | 'opendkim', domain: string, mount: string | null): SignerTable {
  const words = (line: string) => line.trim().split(/\s+/);
  if (signer === 'rspamd')
    return {
      file: 'dkim_selectors.map',
      key: (selector) => `${domain}.${selector}.key`,
      line: (selector) => `${domain} ${selector}`,
      selectorIn: (line) => (words(line)[0] === domain ? (words(line)[1] ?? null) : null),
    };
  const key = (selector: string) => `${domain}.${selector}.private`;
  return {
    file: 'KeyTable',
    key,
    line: (selector) => `${domain} ${domain}:${selector}:${mount}/${key(selector)}`,
    selectorIn: (line) => (words(line)[0] === domain ? (words(line)[1]?.split(':')[1] ?? null) : null),
  };
}
