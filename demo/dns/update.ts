import { lowerName } from '../../services/dns/client/name.ts';
import { RECORD_TYPES } from '../../services/dns/client/types.ts';
import { CLASS, META_TYPE, type RawMessage, type RawRecord } from '../../services/dns/wire/message.ts';
import type { Rcode } from '../../services/dns/wire/outcome.ts';
import { add, type RecordSet, type Sets, type Zone } from './zone.ts';

/**
 * Carries out an update, whole or not at all, in the order of RFC 2136 section 3.
 * @param allowed whether the key may change records of a name and type (section 3.3)
 */
export function applyUpdate(zone: Zone, message: RawMessage, allowed: (name: string, type: number) => boolean): Rcode {
  const { answers: prerequisites, authorities: updates } = message;
  const wrong = unmet(zone, prerequisites) ?? unreadable(zone, updates);
  if (wrong !== null) return wrong;
  if (!updates.every(({ name, type }) => allowed(lowerName(name), type))) return 'REFUSED';
  const before = copyOf(zone.sets);
  const { serial } = zone;
  for (const update of updates) change(zone, update);
  if (!same(before, zone.sets) && zone.serial === serial) zone.setSerial((serial + 1) % 2 ** 32);
  return 'NOERROR';
}

/** Section 3.2: the first prerequisite that does not hold. */
function unmet(zone: Zone, prerequisites: readonly RawRecord[]): Rcode | null {
  const values: Sets = new Map();
  for (const { name, type, class: klass, ttl, rdata } of prerequisites) {
    if (ttl !== 0) return 'FORMERR';
    if (!zone.holds(name)) return 'NOTZONE';
    const types = zone.sets.get(lowerName(name));
    if (klass === CLASS.IN) {
      add(values, { name: lowerName(name), type, rdata });
      continue;
    }
    if (rdata.length > 0 || (klass !== CLASS.ANY && klass !== CLASS.NONE)) return 'FORMERR';
    const present = type === META_TYPE.ANY ? types !== undefined : (types?.has(type) ?? false);
    if (klass === CLASS.ANY && !present) return type === META_TYPE.ANY ? 'NXDOMAIN' : 'NXRRSET';
    if (klass === CLASS.NONE && present) return type === META_TYPE.ANY ? 'YXDOMAIN' : 'YXRRSET';
  }
  for (const [name, types] of values)
    for (const [type, { rdatas }] of types)
      if (!sameRecords(zone.sets.get(name)?.get(type)?.rdatas ?? [], rdatas)) return 'NXRRSET';
  return null;
}

/** Section 3.4.1: what is no update, before any is carried out. */
function unreadable(zone: Zone, updates: readonly RawRecord[]): Rcode | null {
  for (const { name, type, class: klass, ttl, rdata } of updates) {
    if (!zone.holds(name)) return 'NOTZONE';
    const meta = type === META_TYPE.OPT || (type >= META_TYPE.TKEY && type < META_TYPE.ANY);
    const any = type === META_TYPE.ANY;
    if (meta || (any && klass !== CLASS.ANY)) return 'FORMERR';
    if (klass === CLASS.IN ? rdata.length === 0 : ttl !== 0) return 'FORMERR';
    if (klass === CLASS.ANY ? rdata.length > 0 : klass !== CLASS.IN && klass !== CLASS.NONE) return 'FORMERR';
  }
  return null;
}

/** Section 3.4.2. */
function change(zone: Zone, { name: given, type, class: klass, ttl, rdata }: RawRecord): void {
  const name = lowerName(given);
  const types = zone.sets.get(name);
  const apex = name === zone.name;
  if (klass === CLASS.IN) {
    const others = [...(types?.keys() ?? [])].some((one) => (one === RECORD_TYPES.CNAME) !== (type === RECORD_TYPES.CNAME));
    // Nothing stands beside an alias: such an update is ignored without an error. The server writes the SOA
    // itself.
    if (others || type === RECORD_TYPES.SOA) return;
    if (type === RECORD_TYPES.CNAME) types?.delete(type);
    add(zone.sets, { name, type, rdata, ttl });
    return;
  }
  if (types === undefined) return;
  const kept = (one: number) => apex && (one === RECORD_TYPES.SOA || one === RECORD_TYPES.NS);
  if (klass === CLASS.ANY) {
    for (const one of [...types.keys()]) if ((type === META_TYPE.ANY || one === type) && !kept(one)) types.delete(one);
  } else removeOne(types, type, rdata, apex);
  if (types.size === 0) zone.sets.delete(name);
}

function removeOne(types: Map<number, RecordSet>, type: number, rdata: Buffer, apex: boolean): void {
  const set = types.get(type);
  if (set === undefined || (apex && type === RECORD_TYPES.SOA)) return;
  const left = set.rdatas.filter((one) => !one.equals(rdata));
  // The last name server of a zone stays.
  if (left.length === 0 && apex && type === RECORD_TYPES.NS) return;
  if (left.length === 0) types.delete(type);
  else set.rdatas = left;
}

function sameRecords(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((one) => b.some((other) => other.equals(one)));
}

function copyOf(sets: Sets): Sets {
  const copyTypes = (types: Map<number, RecordSet>) =>
    new Map([...types].map(([type, { ttl, rdatas }]) => [type, { ttl, rdatas: [...rdatas] }]));
  return new Map([...sets].map(([name, types]) => [name, copyTypes(types)]));
}

function same(a: Sets, b: Sets): boolean {
  if (a.size !== b.size) return false;
  for (const [name, types] of a) {
    const others = b.get(name);
    if (others?.size !== types.size) return false;
    for (const [type, { ttl, rdatas }] of types) {
      const other = others.get(type);
      if (other === undefined || other.ttl !== ttl || !sameRecords(other.rdatas, rdatas)) return false;
    }
  }
  return true;
}
