import type { RecordData } from '../../dns/client/types.ts';
import { stringsOf } from '../../dns/zonefile.ts';
import type { Member } from '../plan.ts';

/** A TXT record as a member of an RRset: its strings as they are published (RFC 1035 section 3.3.14). */
export function txtMember(strings: RecordData['TXT']): Member {
  const wire = Buffer.concat(strings.map((text) => Buffer.from([text.length, ...Buffer.from(text, 'latin1')])));
  return { text: strings.join(''), wire: wire.toString('hex') };
}

/** A new TXT record: the text cut into strings of at most 255 octets. */
export const txtOf = (text: string): Member => txtMember(stringsOf(text));

/** The strings of a TXT member, one character for each octet. @throws RangeError when its RDATA is cut off */
export function stringsIn({ wire }: Member): RecordData['TXT'] {
  const octets = Buffer.from(wire, 'hex');
  const strings: string[] = [];
  for (let at = 0; at < octets.length; at += octets[at]! + 1) {
    const end = at + 1 + octets[at]!;
    if (end > octets.length) throw new RangeError('A string of this TXT record is cut off.');
    strings.push(octets.subarray(at + 1, end).toString('latin1'));
  }
  return strings;
}

export const sameMembers = (a: readonly Member[], b: readonly Member[]): boolean => {
  const wires = (members: readonly Member[]) => [...new Set(members.map(({ wire }) => wire))].sort().join(' ');
  return wires(a) === wires(b);
};
