import type { Random } from '../../demo/random.ts';
import type { NetworkOwners } from '../../services/enricher/owners.ts';
import { arpaName } from '../../services/enricher/reverse-name.ts';
import { canonicalAddress, networkOf } from '../../services/report/address.ts';
import type { ReverseResolver } from '../../services/shared/runtime/resolver.ts';
import { type Provider, RESIDENTIAL } from './providers.ts';

type Owner = Pick<Provider, 'asn' | 'owner'>;
/** A reverse name as its owner set it; `confirmed`: the name has the address too (RFC 8601 section 2.7.3). */
interface Named {
  name: string;
  confirmed: boolean;
}

/**
 * The far side of the internet: who has which address, and what DNS and the routing table know of it. The
 * pipeline's enricher asks it as it asks name servers in the product.
 */
export class Internet {
  /** Whether whoever runs the program has an ASN file; half of the worlds. */
  readonly asnFile: boolean;
  /** Name servers answer nothing: no reverse name is ever known, and there is no ASN file. */
  readonly nameless: boolean;
  readonly #names = new Map<string, Named>();
  readonly #arpa = new Map<string, string>();
  readonly #forward = new Map<string, Set<string>>();
  readonly #owners = new Map<string, Owner>();
  readonly #taken = new Set<string>();

  constructor(random: Random, nameless = false) {
    this.asnFile = !nameless && random.fork('asn').chance(0.5);
    this.nameless = nameless;
  }

  /**
   * `count` addresses in one network (an IPv4 /24 or an IPv6 /64) of a provider's that nobody in this world
   * has yet, with the provider's reverse names.
   */
  network(of: Provider, count: number, random: Random, family: 4 | 6 = 4): string[] {
    const ranges = family === 6 ? (of.v6 ?? []) : of.v4;
    if (ranges.length === 0) throw new Error(`${of.name} has no IPv${family} in the model.`);
    for (let tries = 0; ; tries++) {
      const range = random.pick(ranges);
      const drawn = new Set<string>();
      const first = addressIn(range, random);
      for (let i = 0; drawn.size < count && i < 20 * count; i++) drawn.add(i === 0 ? first : sibling(first, range, random));
      // A provider with few networks gives the same one again.
      if (this.#taken.has(networkOf(first)) && tries < 20) continue;
      this.#taken.add(networkOf(first));
      const list = [...drawn];
      for (const ip of list) this.put(ip, of, of.reverse(ip, random));
      return list;
    }
  }

  /** Infected machines and rented ones, each in another network; most have a generic name or none. */
  strangers(count: number, random: Random): string[] {
    return Array.from({ length: count }, () => {
      const isp = random.pick(RESIDENTIAL);
      const ip = addressIn(random.pick(isp.v4), random);
      this.put(ip, isp, isp.reverse(ip, random), random.chance(0.7));
      return ip;
    });
  }

  /** Notes an address. @param confirmed whether the name resolves back to it */
  put(ip: string, owner: Owner, name: string | null, confirmed = true): void {
    const address = canonicalAddress(ip)!;
    this.#owners.set(address, owner);
    this.#arpa.set(arpaName(address)!, address);
    if (name === null || this.nameless) return;
    this.#names.set(address, { name: name.toLowerCase(), confirmed });
    if (!confirmed) return;
    const all = this.#forward.get(name.toLowerCase()) ?? new Set();
    this.#forward.set(name.toLowerCase(), all.add(address));
  }

  /** Name service for the enricher. */
  resolver(): ReverseResolver {
    return {
      pointers: async (arpa) => {
        const named = this.#names.get(this.#arpa.get(arpa) ?? '');
        return named ? [named.name] : [];
      },
      addresses: async (name, family) => [...(this.#forward.get(name) ?? [])].filter((ip) => ip.includes(':') === (family === 6)),
      cancel: () => undefined,
    };
  }

  /** The ASN file, for worlds that have one. */
  owners(): Pick<NetworkOwners, 'ownerOf' | 'refresh'> | null {
    if (!this.asnFile) return null;
    return {
      ownerOf: (address) => ({ country: null, ...(this.#owners.get(address) ?? { asn: null, owner: null }) }),
      refresh: () => Promise.resolve(),
    };
  }
}

/**
 * An address anywhere in a range, "192.0.2.0/24" or "2001:db8::/32"; within IPv6 in the form of a server's.
 */
function addressIn(range: string, random: Random): string {
  const [base, bits] = range.split('/') as [string, string];
  if (base.includes(':')) {
    const head = base.replace(/::$/, '').split(':').filter(Boolean);
    const last = 2 ** Math.min(16, 64 - Number(bits)) - 1;
    while (head.length < 4) head.push(random.int(1, head.length === 3 ? last : 0xffff).toString(16));
    return canonicalAddress(`${head.slice(0, 4).join(':')}::${random.int(1, 0xffff).toString(16)}`)!;
  }
  const host = 2 ** (32 - Number(bits));
  const start = base.split('.').reduce((n, part) => n * 256 + Number(part), 0);
  const at = start + Math.floor(random.next() * host);
  // Neither .0 nor .255.
  const last = Math.min(254, Math.max(1, at % 256));
  return [Math.floor(at / 2 ** 24), Math.floor(at / 2 ** 16) % 256, Math.floor(at / 256) % 256, last].join('.');
}

/** Another address of the same network, within the range. */
function sibling(ip: string, range: string, random: Random): string {
  if (ip.includes(':')) {
    return canonicalAddress(`${ip.split('::')[0]}::${random.int(1, 0xffff).toString(16)}`)!;
  }
  const bits = Math.max(24, Number(range.split('/')[1]));
  const size = 2 ** (32 - bits);
  const last = Number(ip.split('.')[3]);
  const start = last - (last % size);
  return ip.replace(/\d+$/, String(Math.min(254, Math.max(1, start + random.int(0, size - 1)))));
}
