import { Networks } from '../dns/networks.ts';
import { canonicalAddress } from '../report/address.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { TransientError } from '../shared/errors.ts';
import type { Pace } from '../shared/pace.ts';
import type { ReverseResolver } from '../shared/runtime/resolver.ts';
import type { Names } from '../store/sources/addresses.ts';
import { arpaName, hostName, isGenericName } from './reverse-name.ts';

/** Reverse names that are checked: one is usual, but the owner of an address may publish thousands. */
const NAMES_TRIED = 4;

/**
 * Addresses without a meaning outside their own network (RFC 6890): no public name server knows whose they
 * are.
 */
const LOCAL = new Networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]);

const NOTHING: Names = { name: null, confirmed: false, generic: false, organization: null };

/**
 * Looks up the names of an address and whether one of them resolves back to it (RFC 8601 section 2.7.3,
 * "iprev"). Only such a name is evidence, since the owner of an address may claim any name for it.
 * @throws TransientError `dns_failed` when a query failed in any step, which is not the same as "no name"
 */
export async function lookUp(address: string, resolver: ReverseResolver, pace: Pace, signal?: AbortSignal): Promise<Names> {
  const family = address.includes(':') ? 6 : 4;
  const turn = async () => {
    await pace.turn(signal);
    if (signal?.aborted)
      throw new TransientError('dns_failed', 'The enricher is stopping: the address is looked up again later.');
  };
  const arpa = arpaName(address);
  if (arpa === null || LOCAL.contains(address)) return NOTHING;
  await turn();
  const said = await resolver.pointers(arpa);
  const names = [...new Set(said.flatMap((text) => hostName(text) ?? []))].sort().slice(0, NAMES_TRIED);
  for (const name of names) {
    await turn();
    const addresses = await resolver.addresses(name, family);
    if (!addresses.some((one) => canonicalAddress(one) === address)) continue;
    const generic = isGenericName(name, address);
    return { name, confirmed: true, generic, organization: generic ? null : organizationalDomain(name) };
  }
  const name = names[0];
  return name === undefined ? NOTHING : { name, confirmed: false, generic: isGenericName(name, address), organization: null };
}
