import { Reader, TYPE_NAMES } from '../client/reader.ts';
import type { Dns, RecordData, RecordType } from '../client/types.ts';
import { RECORD_TYPES } from '../client/types.ts';
import { CLASS, type RawRecord } from './message.ts';
import type { ReceivedChange } from './received.ts';
import { rdataOf } from './writer.ts';

/** All records of a name and a type. */
export interface RrSet {
  /** In lower case. */
  name: string;
  type: RecordType;
  /** Seconds; null without records. */
  ttl: number | null;
  /** The data of each record in wire form, names in it in lower case; none is there twice. */
  members: Buffer[];
}

const same = (a: Buffer, b: Buffer): boolean => a.equals(b);

/**
 * What a server has of a name and a type.
 * @param dns asks the primary server of the zone, without a cache
 * @returns null when the server does not say; `alias` when the name has a CNAME record and another type was
 *   asked for
 */
export async function readRrSet(dns: Dns, name: string, type: RecordType, signal?: AbortSignal): Promise<RrSet | 'alias' | null> {
  const answer = await dns.ask(name, type, { signal });
  if (answer.state === 'unknown') return null;
  if (answer.aliases.length > 0 && type !== 'CNAME') return 'alias';
  if (answer.state !== 'records') return { name, type, ttl: null, members: [] };
  return { name, type, ttl: answer.ttl, members: answer.records.map((data) => rdataOf<RecordType>(type, data)) };
}

/**
 * The RRset after the steps that concern it, in their order (RFC 2136 section 3.4.2). An added record gives
 * its TTL to the whole RRset, as BIND and PowerDNS do and RFC 2181 section 5.2 demands.
 */
export function afterChanges(before: RrSet, changes: readonly ReceivedChange[]): RrSet {
  let { ttl, members } = before;
  for (const change of changes) {
    if (change.name !== before.name) continue;
    if (change.kind === 'delete_name') members = [];
    else if (change.type !== RECORD_TYPES[before.type]) continue;
    else if (change.kind === 'delete_rrset') members = [];
    else if (change.kind === 'delete_record') members = members.filter((one) => !same(one, change.rdata));
    else {
      // A name has one alias: another one takes its place.
      const kept = before.type === 'CNAME' ? [] : members.filter((one) => !same(one, change.rdata));
      members = [...kept, change.rdata];
      ({ ttl } = change);
    }
  }
  return { ...before, ttl: members.length === 0 ? null : ttl, members };
}

export function sameRrSet(a: RrSet, b: RrSet): boolean {
  return a.members.length === b.members.length && a.members.every((one) => b.members.some((other) => same(one, other)));
}

/** The records of an RRset, read. @throws WireError for data that the type cannot hold */
export function dataIn<T extends RecordType>({ members }: Pick<RrSet, 'members'>, type: T): RecordData[T][] {
  return members.map((rdata) => new Reader(rdata, 0).data(type, rdata.length));
}

/** The prerequisite that an RRset is what it was read as (RFC 2136 sections 2.4.2 and 2.4.3). */
export function asPrerequisite({ name, type, members }: RrSet): RawRecord[] {
  const head = { name, type: RECORD_TYPES[type], ttl: 0 };
  if (members.length === 0) return [{ ...head, class: CLASS.NONE, rdata: Buffer.alloc(0) }];
  return members.map((rdata) => ({ ...head, class: CLASS.IN, rdata }));
}

/** The name of a type by its number; null for one that is not known. */
export const typeName = (type: number): RecordType | null => TYPE_NAMES.get(type) ?? null;
