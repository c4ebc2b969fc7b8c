import { lowerName } from '../client/name.ts';
import { type Mechanism, parseSpf } from './record.ts';

/** Networks that an SPF record admits by itself, and the term that does. */
export interface Admitted {
  /** An address with a prefix length: "192.0.2.1/32". Bits behind the prefix may be set. */
  network: string;
  term: string;
}

/** Wider networks than these are a mistake in the record, and nobody's own. */
export const WIDE_4 = 16;
export const WIDE_6 = 32;

/**
 * The networks that a domain's own SPF record lets send by `ip4`, `ip6`, `a` and `mx` (RFC 7208 sections 5.3,
 * 5.4 and 5.6), not through an include. A record with an error admits nobody (section 4.6), a term with a
 * macro names nobody in particular.
 * @param known the values that are known of a name: addresses, or of MX "10 mx.example.com"
 */
export function admittedNetworks(
  domain: string,
  text: string,
  known: (name: string, type: 'A' | 'AAAA' | 'MX') => readonly string[],
): Admitted[] {
  const { mechanisms, errors } = parseSpf(text);
  if (errors.length > 0) return [];
  const end = mechanisms.findIndex(({ kind }) => kind === 'all');
  return mechanisms.slice(0, end < 0 ? undefined : end).flatMap((mechanism) => {
    const { qualifier, prefix4, prefix6, text: term } = mechanism;
    if (qualifier !== '+') return [];
    return addressesOf(mechanism, domain, known).flatMap((address) => {
      const [prefix, widest] = address.includes(':') ? [prefix6, WIDE_6] : [prefix4, WIDE_4];
      return prefix < widest ? [] : [{ network: `${address}/${prefix}`, term }];
    });
  });
}

function addressesOf(
  { kind, address, domainText }: Mechanism,
  domain: string,
  known: (name: string, type: 'A' | 'AAAA' | 'MX') => readonly string[],
): readonly string[] {
  if (kind === 'ip4' || kind === 'ip6') return [address!];
  if ((kind !== 'a' && kind !== 'mx') || (domainText ?? '').includes('%')) return [];
  const name = lowerName(domainText ?? domain).replace(/\.$/, '');
  const hosts = kind === 'a' ? [name] : known(name, 'MX').map((value) => value.slice(value.indexOf(' ') + 1));
  return hosts.flatMap((host) => [...known(host, 'A'), ...known(host, 'AAAA')]);
}
