import { isIPv6 } from 'node:net';
import type { Mechanism } from '../spf/record.ts';
import { nodesOf, type SpfTree } from '../spf/tree.ts';
import { type Finding, finding } from './finding.ts';
import { withoutTerm } from './spf-correct.ts';

interface Term {
  at: number;
  text: string;
  /** Whether it stands in the domain's own record. */
  own: boolean;
  family: 'v4' | 'v6';
  from: bigint;
  to: bigint;
}

/**
 * Where hosts on the internet are: unicast addresses of IPv4, global unicast of IPv6 (RFC 4291 section 2.4).
 */
const HOSTS = { v4: { from: 0n, to: (224n << 24n) - 1n }, v6: { from: 1n << 125n, to: (1n << 126n) - 1n } };
/** So much of it is all of it: what is left out is a trick. */
const PERCENT = 90n;

/**
 * Networks that are each less than everything, and everything together: `ip4:0.0.0.0/1 ip4:128.0.0.0/1`. A
 * single term that lets anyone send is found at the term.
 */
export function everyoneFindings(domain: string, tree: SpfTree): Finding[] {
  const { record } = tree.root;
  if (record === null) return [];
  const terms = [...termsOf(tree)];
  return (['v4', 'v6'] as const).flatMap((family): Finding[] => {
    const of = terms.filter((term) => term.family === family);
    const { from, to } = HOSTS[family];
    if (of.some((term) => term.from <= from && term.to >= to) || covered(of, HOSTS[family]) * 100n < (to - from + 1n) * PERCENT)
      return [];
    const own = of.filter((term) => term.own).sort((a, b) => Number(b.to - b.from - (a.to - a.from)));
    const [widest] = own;
    return [
      finding('spf_pass_all', {
        domain,
        message: `${of.map(({ text }) => text).join(' ')} together let anyone send as ${domain}.`,
        record: { name: domain, text: record.text },
        place: widest === undefined ? null : { at: widest.at, text: widest.text },
        publish: widest === undefined ? null : { name: domain, value: withoutTerm(record, widest) },
      }),
    ];
  });
}

/** The networks that pass, also by includes. */
function* termsOf(tree: SpfTree): Generator<Term> {
  for (const { node, path } of nodesOf(tree.root)) {
    if (path.some(({ term }) => 'kind' in term && term.qualifier !== '+')) continue;
    for (const { term, state } of node.terms) {
      if (!('kind' in term) || term.address === null || term.qualifier !== '+' || state === 'not evaluated') continue;
      yield { at: term.at, text: term.text, own: path.length === 0, ...rangeOf(term.address, term) };
    }
  }
}

/** Whether all hosts of the address's family are in its network, such as in `2000::/3`. */
export function coversEveryHost(address: string, prefixes: Pick<Mechanism, 'prefix4' | 'prefix6'>): boolean {
  const { family, from, to } = rangeOf(address, prefixes);
  return from <= HOSTS[family].from && to >= HOSTS[family].to;
}

function rangeOf(
  address: string,
  { prefix4, prefix6 }: Pick<Mechanism, 'prefix4' | 'prefix6'>,
): Pick<Term, 'family' | 'from' | 'to'> {
  const family = isIPv6(address) ? 'v6' : 'v4';
  const [bits, prefix] = family === 'v6' ? [128n, prefix6] : [32n, prefix4];
  const size = 1n << (bits - BigInt(prefix));
  const from = (numberOf(address) / size) * size;
  return { family, from, to: from + size - 1n };
}

/** How many addresses of a range are in one of the networks at least. */
function covered(terms: readonly Term[], range: { from: bigint; to: bigint }): bigint {
  let sum = 0n;
  let next = range.from;
  for (const { from, to } of [...terms].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    // Math.max takes no bigint.
    let [begin, end] = [from, to];
    if (begin < next) begin = next;
    if (end > range.to) end = range.to;
    if (end < begin) continue;
    sum += end - begin + 1n;
    next = end + 1n;
  }
  return sum;
}

/** An address as a number. */
function numberOf(address: string): bigint {
  if (!address.includes(':')) return address.split('.').reduce((n, part) => n * 256n + BigInt(part), 0n);
  const [, before = '', v4] = /^(.*?)((?:\d+\.){3}\d+)?$/.exec(address)!;
  const text =
    v4 === undefined ? address : `${before}${[numberOf(v4) >> 16n, numberOf(v4) & 0xffffn].map((n) => n.toString(16)).join(':')}`;
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => part.split(':').filter(Boolean);
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  return all.reduce((n, group) => (n << 16n) + BigInt(`0x${group}`), 0n);
}
