import { addressBits, addressOf } from './spf-terms.ts';

/** Addresses of one network that are tried. */
const MOST = 16;

/** The addresses of a network to try: all of them, or of a large one so many from its first to its last. */
export function addressesIn(network: string): string[] {
  const [address, bits] = network.split('/') as [string, string | undefined];
  const six = address.includes(':');
  const length = six ? 128n : 32n;
  const prefix = bits === undefined ? length : BigInt(bits);
  const size = 1n << (length - prefix);
  const first = (addressBits(address) / size) * size;
  if (size <= BigInt(MOST)) return Array.from({ length: Number(size) }, (_, n) => addressOf(first + BigInt(n), six));
  const steps = BigInt(MOST - 1);
  return Array.from({ length: MOST }, (_, n) => addressOf(first + ((size - 1n) * BigInt(n)) / steps, six));
}
