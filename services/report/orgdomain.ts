import { domainToASCII } from 'node:url';
import { library } from './library.ts';

const { getDomain } = library('tldts') as typeof import('tldts');

/**
 * Organizational domains (RFC 7489 section 3.2): the public suffix plus one label. Both sections of the
 * public suffix list count, ICANN and private, as in OpenDMARC and the other receivers whose verdicts we
 * recompute: RFC 7489 names the list as a whole, and a customer of a private suffix ("a.github.io") must not
 * align with another ("b.github.io").
 */
const PSL = { allowPrivateDomains: true, extractHostname: false, validateHostname: false, detectIp: false } as const;

/**
 * Names that are cached: a report repeats a few names thousands of times. Limited, so that a hostile report
 * cannot fill the memory. When the recent ones are as many, those before them go, so that a mailbox with more
 * names than are kept loses the rare ones alone.
 */
const CACHE_SIZE = 50_000;
let recent = new Map<string, string>();
let before = new Map<string, string>();

/**
 * What ends a host in a URL, or is decoded or dropped in it: Node's `domainToASCII` reads its argument as the
 * host of one.
 */
const OF_URLS = /[\x00-\x20\x7f#%/:<>?@[\\\]^|]/;

/**
 * A name with its U-labels as A-labels; as it stands where it has none, or is no name.
 * `a.example#é.example.net` is none: `domainToASCII` alone makes `a.example` of it, which is another name
 * than programs show.
 */
export const toALabels = (name: string): string =>
  !/[^\x00-\x7f]/.test(name) || OF_URLS.test(name) ? name : domainToASCII(name) || name;

/**
 * A domain name in the form in which names are compared: A-labels, lower case, no trailing dot, only the part
 * after an "@".
 */
export function normalDomain(name: string): string {
  const domain = toALabels(name.slice(name.lastIndexOf('@') + 1).trim()).toLowerCase();
  return domain.endsWith('.') ? domain.replace(/\.+$/, '') : domain;
}

/**
 * The organizational domain of a name as written in a report (any case, trailing dot, U-labels). A name that
 * is itself a public suffix, or has no dot, is its own organizational domain.
 */
export function organizationalDomain(name: string): string {
  const known = recent.get(name);
  if (known !== undefined) return known;
  // A string cut out of a large document keeps the whole document in memory; what is put together does not.
  const key = ` ${name}`.slice(1);
  const found = before.get(key) ?? topOf(normalDomain(key));
  if (recent.size >= CACHE_SIZE) {
    before = recent;
    recent = new Map();
  }
  recent.set(key, found);
  return found;
}

function topOf(normal: string): string {
  return getDomain(normal, PSL) ?? normal;
}

/**
 * Whether the public suffix list has this name as a suffix under which others register (a PSD in the terms of
 * RFC 9989).
 */
export function isPublicSuffix(name: string): boolean {
  const normal = normalDomain(name);
  return normal !== '' && getDomain(normal, PSL) === null;
}
