import type { AskOptions, Dns } from '../client/types.ts';
import type { Mechanism } from './record.ts';
import { nodesOf, spfTree, type TreeTerm } from './tree.ts';

/** Whom an SPF record lets pass, with all that it includes, beside the hosts that it names. */
export interface OpenTo {
  /** It may let somebody pass. */
  admits: boolean;
  /** Addresses in its networks; what two of them have in common counts twice. */
  ipv4: number;
  /** The part of all IPv6 addresses. */
  ipv6: number;
  /**
   * Terms whose answer somebody gives for each address as he likes: those with a macro. `name` is what the
   * name that is asked ends with, whatever the mail; empty where all of it is the sender's.
   */
  asked: { term: string; name: string }[];
}

const IPV4 = 2 ** 32;

/** More than these are nobody's own: the largest mail services have some hundred thousand. */
const MANY_4 = 2 ** 22;
const MANY_6 = 2 ** -24;

export async function openTo(domain: string, dns: Dns, options: AskOptions = {}): Promise<OpenTo> {
  const { root } = await spfTree(domain, dns, options);
  const open: OpenTo = { admits: false, ipv4: 0, ipv6: 0, asked: [] };
  for (const { node, path } of nodesOf(root)) {
    // A record with an error admits nobody; an include that is no "+" lets nobody pass.
    if (node.state !== 'record' || node.record === null || node.record.errors.length > 0 || !path.every(passes)) continue;
    for (const { term, state } of node.terms) {
      if (!('qualifier' in term) || term.qualifier !== '+' || state === 'not evaluated') continue;
      open.admits = true;
      add(open, term, node.domain);
    }
  }
  return open;
}

const passes = ({ term }: TreeTerm): boolean => !('qualifier' in term) || term.qualifier === '+';

function add(open: OpenTo, { kind, address, prefix4, prefix6, domainText, text }: Mechanism, domain: string): void {
  if (kind === 'all') {
    open.ipv4 += IPV4;
    open.ipv6 += 1;
  } else if (kind === 'ip6' || (kind === 'ip4' && address?.includes(':'))) open.ipv6 += 2 ** -prefix6;
  else if (kind === 'ip4') open.ipv4 += 2 ** (32 - prefix4);
  else if (domainText?.includes('%') === true) open.asked.push({ term: text, name: certainEnd(domainText, domain) });
  else if (kind === 'a' || kind === 'mx') {
    // The network around a host; hosts alone are few.
    if (prefix4 < 32) open.ipv4 += 2 ** (32 - prefix4);
    if (prefix6 < 128) open.ipv6 += 2 ** -prefix6;
  }
}

/**
 * What the name ends with, whatever the mail: the labels after the one that the last macro ends or is a part
 * of, since "%{l}example.com" is "xexample.com" for who likes. "%{d}" is the record's own domain (RFC 7208
 * section 7.2).
 */
const certainEnd = (domainText: string, domain: string): string =>
  domainText.replace(/%\{d\}/gi, domain).replace(/^.*%\{[^}]*\}[^.]*\.?/, '');

/** Whether it lets far more pass than anybody's own mail comes from. */
export const isWide = ({ ipv4, ipv6 }: OpenTo): boolean => ipv4 > MANY_4 || ipv6 > MANY_6;
