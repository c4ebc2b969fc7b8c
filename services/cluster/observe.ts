import { isIP } from 'node:net';
import { PRIVATE } from '../dns/check/spf-terms.ts';
import { canonicalNetwork } from '../dns/guard/spf-terms.ts';

/** An address by which mail of an egress leaves, or left. */
export interface SeenAddress {
  /** An address, or a network, in canonical text. */
  address: string;
  /** Since when it is there, or was there before it went. */
  since: Date;
  /** When it was first missing; null while it is there. */
  gone_at: Date | null;
}

/**
 * What is known of an egress at a moment. Silence, an error and an empty list are "unknown": nobody's mail
 * leaves by no address.
 */
export type Observation = { state: 'known'; addresses: readonly string[] } | { state: 'unknown'; why: string };

/** An address, or a network with its length, in canonical text; null for anything else. */
export function canonical(text: string): string | null {
  const [address, bits, ...rest] = text.trim().split('/') as [string, string | undefined];
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(length <= most) || address.includes('%')) return null;
  return canonicalNetwork(address, length);
}

/**
 * What was found, as addresses that receivers can see: canonical, each once.
 * @returns unknown when nothing is left, or when one of them cannot be the address that a receiver sees
 */
export function observation(found: readonly string[]): Observation {
  const addresses = new Set<string>();
  for (const text of found) {
    const one = canonical(text);
    if (one === null) return { state: 'unknown', why: `"${text.slice(0, 80)}" is no address.` };
    if (PRIVATE.contains(one.split('/')[0]!))
      return { state: 'unknown', why: `${one} is a private address, which no receiver sees.` };
    addresses.add(one);
  }
  if (addresses.size === 0) return { state: 'unknown', why: 'There is no address, and mail leaves by one.' };
  return { state: 'known', addresses: [...addresses].sort() };
}

/** What is known of an egress after an observation. One that is unknown changes nothing. */
export function observed(before: readonly SeenAddress[], found: Observation, now: Date): SeenAddress[] {
  if (found.state === 'unknown') return [...before];
  const there = new Set(found.addresses);
  const known = new Map(before.map((one) => [one.address, one]));
  const kept = before.map((one): SeenAddress => {
    if (!there.has(one.address)) return { ...one, gone_at: one.gone_at ?? now };
    return one.gone_at === null ? one : { ...one, since: now, gone_at: null };
  });
  const fresh = found.addresses.filter((address) => !known.has(address));
  return [...kept, ...fresh.map((address): SeenAddress => ({ address, since: now, gone_at: null }))];
}
