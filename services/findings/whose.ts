import { short } from '../shared/format.ts';
import type { Culprit } from './figures.ts';

const LONGEST_OWNER = 30;

/**
 * What is known of a source, as alerts show it: `mta3.crm.example (CRM), AS24940 Hetzner, DE`. Empty where
 * nothing is. Names come from DNS, and owners from the ASN file. A name that is too long is cut at its begin: its
 * end says whose it is.
 * @param room characters, 50 at least
 */
export function whoseWords({ host, service, asn, owner, country }: Culprit, room = 64): string {
  const system = [asn === undefined ? '' : `AS${asn}`, owner === undefined ? '' : short(owner, LONGEST_OWNER)]
    .filter(Boolean)
    .join(' ');
  const network = [system, short(country ?? '', 2)].filter(Boolean).join(', ');
  const name =
    host === undefined || service === undefined
      ? (host ?? service ?? '')
      : service.includes('(')
        ? `${host}, ${service}`
        : `${host} (${service})`;
  const characters = [...name];
  const left = room - [...network].length - 2;
  const fitting = characters.length <= left ? name : `…${characters.slice(1 - left).join('')}`;
  return [fitting, network].filter(Boolean).join(', ');
}
