import { canonicalAddress, networkOf } from '../../report/address.ts';

/** Whether a source key is a network, and not a domain that looks like one. */
export function isNetwork(source: string): boolean {
  const address = canonicalAddress(source.slice(0, source.indexOf('/')));
  return address !== null && networkOf(address) === source;
}
