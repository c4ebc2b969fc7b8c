import { nameOf } from '../../dns/client/name.ts';
import type { RecordData, RecordType } from '../../dns/client/types.ts';
import { dataIn, type RrSet } from '../../dns/wire/rrset.ts';
import { rdataOf } from '../../dns/wire/writer.ts';
import { stringsOf } from '../../dns/zonefile.ts';
import type { DnsChange, Member } from '../plan.ts';

/** A TXT record as a member of an RRset: its strings as they are published (RFC 1035 section 3.3.14). */
export function txtMember(strings: RecordData['TXT']): Member {
  const wire = Buffer.concat(strings.map((text) => Buffer.from([text.length, ...Buffer.from(text, 'latin1')])));
  return { text: strings.join(''), wire: wire.toString('hex') };
}

/**
 * A new TXT record: the text cut into strings of at most 255 octets.
 * @throws RangeError for a character that is no octet: what is published would be another text than the one
 *   that people read
 */
export function txtOf(text: string): Member {
  if (/[^\0-\xff]/.test(text)) throw new RangeError('A TXT record holds octets: write it in ASCII.');
  return txtMember(stringsOf(text));
}

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

/**
 * A CNAME record as a member of an RRset (RFC 1035 section 3.3.1). @throws WireError for a name that no zone
 * can hold
 */
export const aliasOf = (target: string): Member => ({ text: target, wire: rdataOf('CNAME', target).toString('hex') });

/** The types of records that plans change. */
export type PlannedType = Extract<DnsChange['type'], 'TXT' | 'CNAME'>;

/** Planned records as DNS gives them; the wire form decides, the text is for people. @throws WireError */
export function recordsIn({ type, after }: Pick<DnsChange, 'type' | 'after'>): { [T in RecordType]?: RecordData[T][] } {
  return { [type]: dataIn({ members: after.map(({ wire }) => Buffer.from(wire, 'hex')) }, type) };
}

/** The records of an RRset as members. @throws WireError for data that the type cannot hold */
export function membersOf(set: Pick<RrSet, 'type' | 'members'>): Member[] {
  return dataIn(set, set.type).map((data, i) => ({ text: textOf(data), wire: set.members[i]!.toString('hex') }));
}

/** The data of a record, for people. */
function textOf(data: RecordData[RecordType]): string {
  if (typeof data === 'string') return data;
  if (Array.isArray(data)) return data.join('');
  return Object.values(data as object)
    .map((part: unknown) => (part instanceof Uint8Array ? Buffer.from(part).toString('hex') : String(part)))
    .join(' ');
}

/**
 * The name that a CNAME member leads to, in presentation format (RFC 1035 section 5.1).
 * @throws RangeError when its RDATA is cut off or compressed
 */
export function targetIn({ wire }: Member): string {
  const octets = Buffer.from(wire, 'hex');
  const labels: string[] = [];
  for (let at = 0; octets[at] !== 0; ) {
    // Behind the end there is none, as where a label is longer than what is left.
    const length = octets[at] ?? 64;
    if (length > 63) throw new RangeError('The name of this CNAME record is cut off.');
    labels.push(octets.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return nameOf(labels);
}

export const sameMembers = (a: readonly Member[], b: readonly Member[]): boolean => {
  const wires = (members: readonly Member[]) => [...new Set(members.map(({ wire }) => wire))].sort().join(' ');
  return wires(a) === wires(b);
};
