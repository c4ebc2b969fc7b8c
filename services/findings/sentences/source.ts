import { short } from '../../shared/format.ts';
import type { Culprit } from '../figures.ts';

const LONGEST_OWNER = 30;

/**
 * What is known of a source, as alerts show it: `mta3.crm.example (CRM), AS24940 Hetzner, DE`. Empty where
 * nothing is. Names come from DNS, and owners from the ASN file. A name that is too long is cut at its begin:
 * its end says whose it is.
 * @param room characters, 50 at least
 */
export function whoseWords({ host, service, asn, owner, country }: Culprit, room = 64): string {
  const system = asn === undefined ? '' : `AS${asn}`;
  const named = [system, owner === undefined ? '' : short(owner, LONGEST_OWNER)].filter(Boolean).join(' ');
  const land = short(country ?? '', 2);
  const name =
    host === undefined || service === undefined
      ? (host ?? service ?? '')
      : service.includes('(')
        ? `${host}, ${service}`
        : `${host} (${service})`;
  const characters = [...name];
  const leftBy = (network: string) => room - [...network].length - 2;
  const networks = [named, system].map((one) => [one, land].filter(Boolean).join(', '));
  // The name says more than that of the network's owner, whose number is enough to find it.
  const network = networks.find((one) => characters.length <= leftBy(one)) ?? networks[0]!;
  const left = leftBy(network);
  const fitting = characters.length <= left ? name : `…${characters.slice(1 - left).join('')}`;
  return [fitting, network].filter(Boolean).join(', ');
}
