import { RECORD_TYPES, type RecordData, type RecordType } from '../client/types.ts';
import { CLASS, encodeMessage, META_TYPE, OPCODE, type RawRecord } from './message.ts';
import { rdataOf } from './writer.ts';

/** Records of one name and type. */
interface Members<T extends RecordType = RecordType> {
  name: string;
  type: T;
  records: readonly RecordData[T][];
}
type MembersOfAny = { [T in RecordType]: Members<T> }[RecordType];
type OneOfAny = { [T in RecordType]: { name: string; type: T; data: RecordData[T] } }[RecordType];

/** What must hold before anything is changed (RFC 2136 section 2.4); all of it, or nothing is. */
export type Prerequisite =
  /** These are all records of the name and type, in any order. An empty list is the same as `absent`. */
  | ({ kind: 'equals' } & MembersOfAny)
  | { kind: 'present' | 'absent'; name: string; type: RecordType }
  | { kind: 'name_in_use' | 'name_not_in_use'; name: string };

/** One step of a change (RFC 2136 section 2.5); steps are carried out in their order. */
export type Change =
  /** `ttl` in seconds. */
  | ({ kind: 'add'; ttl: number } & OneOfAny)
  | ({ kind: 'delete_record' } & OneOfAny)
  | { kind: 'delete_rrset'; name: string; type: RecordType }
  /** All records of a name; SOA and NS of the zone's own name stay. */
  | { kind: 'delete_name'; name: string };

/** A change of one zone, carried out whole or not at all. */
export interface Update {
  zone: string;
  prerequisites: readonly Prerequisite[];
  changes: readonly Change[];
}

const EMPTY = Buffer.alloc(0);

/**
 * The octets of an update, unsigned (RFC 2136 section 2).
 * @param id of the message, 16 bits
 * @throws WireError for a name or data that the wire cannot carry, and for more than 65,535 octets
 */
export function encodeUpdate(update: Update, id: number): Buffer {
  return encodeMessage({
    id,
    opcode: OPCODE.UPDATE,
    response: false,
    flags: 0,
    rcode: 0,
    questions: [{ name: update.zone, type: RECORD_TYPES.SOA, class: CLASS.IN }],
    answers: update.prerequisites.flatMap(prerequisiteRecords),
    authorities: update.changes.map(changeRecord),
    additionals: [],
  });
}

function prerequisiteRecords(one: Prerequisite): RawRecord[] {
  const { name } = one;
  const head = { name, ttl: 0, rdata: EMPTY };
  switch (one.kind) {
    case 'equals':
      if (one.records.length === 0) return [{ ...head, type: RECORD_TYPES[one.type], class: CLASS.NONE }];
      // A TTL other than 0 is a FORMERR (section 3.2.1): it takes no part in the comparison.
      return one.records.map((data) => ({
        ...head,
        type: RECORD_TYPES[one.type],
        class: CLASS.IN,
        rdata: rdataOf<RecordType>(one.type, data),
      }));
    case 'present':
      return [{ ...head, type: RECORD_TYPES[one.type], class: CLASS.ANY }];
    case 'absent':
      return [{ ...head, type: RECORD_TYPES[one.type], class: CLASS.NONE }];
    case 'name_in_use':
      return [{ ...head, type: META_TYPE.ANY, class: CLASS.ANY }];
    case 'name_not_in_use':
      return [{ ...head, type: META_TYPE.ANY, class: CLASS.NONE }];
  }
}

function changeRecord(one: Change): RawRecord {
  const head = { name: one.name, ttl: 0, rdata: EMPTY };
  switch (one.kind) {
    case 'add':
      return {
        ...head,
        type: RECORD_TYPES[one.type],
        class: CLASS.IN,
        ttl: one.ttl,
        rdata: rdataOf<RecordType>(one.type, one.data),
      };
    case 'delete_record':
      return { ...head, type: RECORD_TYPES[one.type], class: CLASS.NONE, rdata: rdataOf<RecordType>(one.type, one.data) };
    case 'delete_rrset':
      return { ...head, type: RECORD_TYPES[one.type], class: CLASS.ANY };
    case 'delete_name':
      return { ...head, type: META_TYPE.ANY, class: CLASS.ANY };
  }
}
