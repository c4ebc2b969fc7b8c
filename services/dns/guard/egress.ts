import { isIPv6 } from 'node:net';
import { lowerName } from '../client/name.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { evaluateSpf, type SpfEvaluation, type SpfNode, type SpfOptions, type SpfResult } from '../spf/evaluate.ts';
import { parseSpf } from '../spf/record.ts';
import { addressBits, addressOf } from './spf-terms.ts';

/** Addresses of a part of a network that are tried where a record asks about the address itself. */
const MOST = 16;
/** Parts of one network that are decided for all of its addresses; beyond them, addresses are tried. */
const MOST_PARTS = 128;

/** A part of a network in which SPF says one thing. */
export interface SpfPart {
  first: string;
  last: string;
  spf: SpfResult;
  /** The term that decided; null when none did. */
  decidedBy: string | null;
  reason: string | null;
  /**
   * False: addresses of it were tried, and others may do otherwise: the record asks about the address itself.
   */
  exact: boolean;
}

/**
 * What SPF says of each address of a network: its parts, from the first address to the last. The result is
 * decided for every address, not only for those that are tried: between the bounds of the networks that an
 * evaluation looked at, nothing changes. Where a record asks about the address itself (ptr, exists:%{i}…),
 * addresses are tried.
 * @param network an address or a network
 */
export async function spfOver(
  network: string,
  mail: { helo: string; mailFrom: string },
  dns: Dns,
  options: SpfOptions = {},
): Promise<SpfPart[]> {
  const { first, last, six } = boundsOf(network);
  const parts: SpfPart[] = [];
  const seen = new Addresses(dns);
  for (let at = first, n = 0; at <= last; n++) {
    const ip = addressOf(at, six);
    const evaluation = await evaluateSpf({ ip, ...mail }, seen, options);
    const looked = lookedAt(evaluation);
    // Such an address is evaluated as the one of IPv4 that it stands for (RFC 4291 section 2.5.5.2).
    if (six && at >> 32n === 0xffffn) looked.ofAddress = true;
    const bound = nextBound(looked, seen.found, { at, six });
    const end = bound === null || bound > last ? last : bound - 1n;
    if (looked.ofAddress || n >= MOST_PARTS) {
      const to = looked.ofAddress ? end : last;
      for (const bits of spread(at, to)) {
        const one = addressOf(bits, six);
        add(parts, {
          ...partOf(await evaluateSpf({ ip: one, ...mail }, seen, options)),
          first: one,
          last: one,
          exact: to - at < BigInt(MOST),
        });
      }
      at = to + 1n;
      continue;
    }
    add(parts, { ...partOf(evaluation), first: ip, last: addressOf(end, six), exact: true });
    at = end + 1n;
  }
  return parts;
}

/** A part as one writes it: an address, a network, or the first and last address. */
export function partName({ first, last }: Pick<SpfPart, 'first' | 'last'>): string {
  if (first === last) return first;
  const [low, high] = [addressBits(first), addressBits(last)];
  const size = high - low + 1n;
  const bits = size.toString(2).length - 1;
  if (1n << BigInt(bits) !== size || low % size !== 0n) return `${first} to ${last}`;
  return `${first}/${(isIPv6(first) ? 128 : 32) - bits}`;
}

function partOf({ result, decidedBy, reason }: SpfEvaluation) {
  return { spf: result, decidedBy, reason };
}

/** Neighbours that do alike are one part. */
function add(parts: SpfPart[], part: SpfPart): void {
  const before = parts.at(-1);
  const alike = before !== undefined && before.spf === part.spf && before.reason === part.reason && before.exact === part.exact;
  if (alike) before.last = part.last;
  else parts.push(part);
}

function boundsOf(network: string): { first: bigint; last: bigint; six: boolean } {
  const [address, bits] = network.split('/') as [string, string | undefined];
  const six = address.includes(':');
  const length = six ? 128n : 32n;
  const size = 1n << (length - (bits === undefined ? length : BigInt(bits)));
  const first = (addressBits(address) / size) * size;
  return { first, last: first + size - 1n, six };
}

/** Addresses to try: all of them, or of many so many from the first to the last. */
function spread(first: bigint, last: bigint): bigint[] {
  const size = last - first + 1n;
  if (size <= BigInt(MOST)) return Array.from({ length: Number(size) }, (_, n) => first + BigInt(n));
  const steps = BigInt(MOST - 1);
  return Array.from({ length: MOST }, (_, n) => first + ((size - 1n) * BigInt(n)) / steps);
}

/** What an evaluation looked at that depends on the address. */
interface Looked {
  /** Networks of ip4 and ip6. */
  networks: { address: string; prefix: number }[];
  /** Lengths that a and mx compare addresses with. */
  prefixes: { four: Set<number>; six: Set<number> };
  /** A term asked about the address itself. */
  ofAddress: boolean;
}

function lookedAt({ tree }: SpfEvaluation): Looked {
  const looked: Looked = { networks: [], prefixes: { four: new Set(), six: new Set() }, ofAddress: false };
  const walk = (node: SpfNode) => {
    for (const { text, inner } of node.steps) {
      // Macros of the address, and of its validated name (RFC 7208 section 7.2).
      if (/%\{[icp]/i.test(text)) looked.ofAddress = true;
      const [mechanism] = parseSpf(`v=spf1 ${text}`).mechanisms;
      if (mechanism?.kind === 'ptr') looked.ofAddress = true;
      if (mechanism?.kind === 'ip4' || mechanism?.kind === 'ip6')
        looked.networks.push({
          address: mechanism.address!,
          prefix: mechanism.kind === 'ip4' ? mechanism.prefix4 : mechanism.prefix6,
        });
      if (mechanism?.kind === 'a' || mechanism?.kind === 'mx') {
        looked.prefixes.four.add(mechanism.prefix4);
        looked.prefixes.six.add(mechanism.prefix6);
      }
      if (inner !== null) walk(inner);
    }
  };
  walk(tree);
  return looked;
}

/**
 * The first address above `at` where something that was looked at begins or has ended; null when there is
 * none.
 */
function nextBound(
  { networks, prefixes }: Looked,
  addresses: ReadonlySet<string>,
  { at, six }: { at: bigint; six: boolean },
): bigint | null {
  const lengths = [...(six ? prefixes.six : prefixes.four)];
  const all = [...networks, ...[...addresses].flatMap((address) => lengths.map((prefix) => ({ address, prefix })))].filter(
    ({ address }) => isIPv6(address) === six,
  );
  let next: bigint | null = null;
  for (const { address, prefix } of all) {
    const { first, last } = boundsOf(`${address}/${prefix}`);
    for (const bound of [first, last + 1n]) if (bound > at && (next === null || bound < next)) next = bound;
  }
  return next;
}

/** DNS that keeps the addresses which it answered. */
class Addresses implements Dns {
  readonly found = new Set<string>();
  readonly ask: Dns['ask'];

  constructor(dns: Dns) {
    this.ask = async (name, type, options?: AskOptions) => {
      const answer = await dns.ask(lowerName(name), type, options);
      if (answer.state === 'records' && (type === 'A' || type === 'AAAA'))
        for (const address of answer.records as readonly string[]) this.found.add(address);
      return answer;
    };
  }
}
