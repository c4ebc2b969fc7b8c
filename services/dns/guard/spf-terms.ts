import { isIPv6 } from 'node:net';
import { lowerName } from '../client/name.ts';
import { type Mechanism, parseSpf, type SpfRecord } from '../spf/record.ts';
import { nodesOf, type SpfTree } from '../spf/tree.ts';

/**
 * A term in the form in which terms are compared: lower case, without "+", with the domain also where it is
 * the record's own, a network without its host bits.
 * @param own the domain of the record
 */
export function normalTerm(text: string, own: string): string {
  const { mechanisms, redirect } = parseSpf(`v=spf1 ${text}`);
  const mechanism = mechanisms[0];
  if (mechanism !== undefined) return ofMechanism(mechanism, own);
  return redirect === null ? text.toLowerCase() : `redirect=${nameIn(redirect.valueText)}`;
}

function ofMechanism({ kind, qualifier, address, domainText, prefix4, prefix6 }: Mechanism, own: string): string {
  const sign = qualifier === '+' ? '' : qualifier;
  if (kind === 'ip4' || kind === 'ip6') return `${sign}${kind}:${canonicalNetwork(address!, kind === 'ip4' ? prefix4 : prefix6)}`;
  const name = nameIn(domainText ?? own);
  const prefixes = `${prefix4 === 32 ? '' : `/${prefix4}`}${prefix6 === 128 ? '' : `//${prefix6}`}`;
  return kind === 'all' ? `${sign}all` : `${sign}${kind}:${name}${prefixes}`;
}

/** Macros are compared with case: it means something there. */
function nameIn(text: string): string {
  return text.includes('%') ? text : lowerName(text.replace(/\.$/, ''));
}

/** A network with its host bits cleared, without the length when it is a single address. */
export function canonicalNetwork(address: string, prefix: number): string {
  const six = isIPv6(address);
  const length = six ? 128n : 32n;
  const shift = length - BigInt(prefix);
  const bits = (addressBits(address) >> shift) << shift;
  const shown = six ? new URL(`http://[${sixOf(bits)}]`).hostname.slice(1, -1) : fourOf(bits);
  return shift === 0n ? shown : `${shown}/${prefix}`;
}

/** Whether a network, or an address, lies within another. Both with a length or without. */
export function networkContains(outer: string, inner: string): boolean {
  const [address, bits] = outer.split('/') as [string, string | undefined];
  const [first, length] = inner.split('/') as [string, string | undefined];
  const six = isIPv6(address);
  const most = six ? 128 : 32;
  if (six !== isIPv6(first) || Number(bits ?? most) > Number(length ?? most)) return false;
  const shift = BigInt(most - Number(bits ?? most));
  return addressBits(address) >> shift === addressBits(first) >> shift;
}

/** An address as a number. */
export function addressBits(address: string): bigint {
  if (!isIPv6(address)) return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  // The URL's form has no dotted part and the shortest groups; the gap is filled with zeros.
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::') as [string, string | undefined];
  const groups = (text: string) => text.split(':').filter(Boolean);
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all = [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** The address that a number stands for. */
export function addressOf(bits: bigint, six: boolean): string {
  return six ? new URL(`http://[${sixOf(bits)}]`).hostname.slice(1, -1) : fourOf(bits);
}

function fourOf(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join('.');
}

function sixOf(bits: bigint): string {
  return Array.from({ length: 8 }, (_, n) => ((bits >> BigInt(112 - 16 * n)) & 0xffffn).toString(16)).join(':');
}

/** The terms of a record that let somebody send, in their normal form, each with its text. */
export function sendingTerms({ mechanisms, redirect }: SpfRecord, own: string): { normal: string; text: string }[] {
  const end = mechanisms.findIndex(({ kind }) => kind === 'all');
  const evaluated = mechanisms.slice(0, end < 0 ? undefined : end + 1).filter(({ qualifier }) => qualifier === '+');
  const found = evaluated.map((one) => ({ normal: ofMechanism(one, own), text: one.text }));
  return end >= 0 || redirect === null ? found : [...found, { normal: normalTerm(redirect.text, own), text: redirect.text }];
}

/**
 * The qualifier and "all" of a record, "?all" where it has neither that nor a redirect (RFC 7208 section
 * 4.7).
 */
export function allOf({ mechanisms, redirect }: SpfRecord): string | null {
  const all = mechanisms.find(({ kind }) => kind === 'all');
  if (all === undefined) return redirect === null ? '?all' : null;
  return `${all.qualifier}all`;
}

/** A term that is evaluated somewhere in a tree. */
export interface FoundTerm {
  mechanism: Mechanism | null;
  normal: string;
  text: string;
  /** The record that has it. */
  domain: string;
  /** Whether all terms that lead there let somebody send. */
  sends: boolean;
}

/** All terms of a tree that are evaluated, those of included records too. */
export function termsIn({ root }: SpfTree): FoundTerm[] {
  return [...nodesOf(root)].flatMap(({ node, path }) => {
    const through = path.every(({ term }) => !('qualifier' in term) || term.qualifier === '+');
    const end = node.terms.findIndex(({ term }) => 'kind' in term && term.kind === 'all');
    return node.terms.slice(0, end < 0 ? undefined : end + 1).map(({ term }): FoundTerm => {
      const mechanism = 'kind' in term ? term : null;
      const of = { text: term.text, domain: node.domain, mechanism };
      if (mechanism === null) return { ...of, normal: normalTerm(term.text, node.domain), sends: through };
      return { ...of, normal: ofMechanism(mechanism, node.domain), sends: through && mechanism.qualifier === '+' };
    });
  });
}

/** Whether a wanted term lets somebody send: it is there, or a network that contains it. */
export function isThere(wanted: string, own: string, terms: readonly FoundTerm[]): boolean {
  const normal = normalTerm(wanted, own);
  if (terms.some((one) => one.sends && one.normal === normal)) return true;
  const [network] = parseSpf(`v=spf1 ${wanted}`).mechanisms;
  if (network === undefined || network.address === null) return false;
  const prefixOf = (one: Mechanism) => (one.kind === 'ip4' ? one.prefix4 : one.prefix6);
  const inner = `${network.address}/${prefixOf(network)}`;
  return terms.some(
    ({ mechanism, sends }) =>
      sends && mechanism?.kind === network.kind && networkContains(`${mechanism.address}/${prefixOf(mechanism)}`, inner),
  );
}

/** The terms that a forbidden one means: itself, or by the bare name of a mechanism all of its kind. */
export function forbiddenIn(forbidden: string, own: string, terms: readonly FoundTerm[]): FoundTerm[] {
  const [, sign, name] = /^([+?~-]?)([a-z0-9]+)$/i.exec(forbidden) ?? [];
  if (name !== undefined && name.toLowerCase() !== 'all') {
    const kind = name.toLowerCase();
    return terms.filter(
      ({ mechanism, normal }) =>
        (mechanism === null ? normal.startsWith(`${kind}=`) : mechanism.kind === kind) &&
        (sign === '' || mechanism?.qualifier === sign),
    );
  }
  const normal = normalTerm(forbidden, own);
  return terms.filter((one) => one.normal === normal);
}
