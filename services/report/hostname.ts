import { domainToASCII } from 'node:url';
import { library } from './library.ts';
import { shown } from './text.ts';

const { getDomain } = library('tldts') as typeof import('tldts');

/** RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters of text. */
const NAME_LENGTH = 253;
/**
 * A label in ASCII. An underscore is legal in DNS; in host names it is a mistake, but receivers report such
 * names.
 */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/**
 * Characters of U-labels (RFC 5892): letters, marks and digits; joiners and the dots of Catalan, Greek,
 * Hebrew, Japanese.
 */
const U_LABELS = /^(?:[a-z0-9_.\-\p{L}\p{M}\p{Nd}\u00b7\u0375\u05f3\u05f4\u30fb]|\u200c|\u200d)+$/iu;

/**
 * A domain name in the form in which names are compared: A-labels (IDNA2008, RFC 5890), lower case, no
 * trailing dot.
 *
 * @returns null for anything but a host name: blanks, control characters, an "@", an empty label, a label of
 *   more than 63 or a name of more than 253 octets, an address, an underscore in the registered domain itself
 *   (`_x.example.com` is possible, `ex_ample.com` is not)
 */
export function hostNameOf(text: string): string | null {
  if (text.length > 4 * NAME_LENGTH) return null;
  const ascii = /^[\x21-\x7e]+$/.test(text) ? text : U_LABELS.test(text) ? domainToASCII(text.normalize('NFC')) : '';
  const name = ascii.toLowerCase().replace(/\.$/, '');
  if (name === '' || name.length > NAME_LENGTH) return null;
  const labels = name.split('.');
  if (!labels.every((label) => LABEL.test(label))) return null;
  // A top-level label of digits alone makes it an address (RFC 3696 section 2).
  if (/^\d+$/.test(labels.at(-1)!)) return null;
  const options = { allowPrivateDomains: false, extractHostname: false, validateHostname: false, detectIp: false } as const;
  return (getDomain(name, options) ?? name).includes('_') ? null : name;
}

/**
 * The domains in a list written by a person, each once. `wrong` is a sentence about the first entry that is
 * not a domain: no host name, or a name without a dot.
 */
export function ownDomains(texts: readonly string[]): { names: string[]; wrong: string | null } {
  const names = new Set<string>();
  let wrong: string | null = null;
  for (const text of texts) {
    const name = hostNameOf(text.trim());
    if (name?.includes('.')) names.add(name);
    else wrong ??= `"${shown(text, 80)}" is not a domain: write example.com.`;
  }
  return { names: [...names], wrong };
}
