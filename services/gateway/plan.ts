import type { Dns, RecordType } from '../dns/client/types.ts';
import { RECORD_TYPES } from '../dns/client/types.ts';
import { CLASS, META_TYPE, type RawRecord } from '../dns/wire/message.ts';
import type { Rcode } from '../dns/wire/outcome.ts';
import type { ReceivedChange, ReceivedUpdate } from '../dns/wire/received.ts';
import { afterChanges, asPrerequisite, typeName } from '../dns/wire/rrset.ts';
import { type DnsScope, hasName, outsideScope } from '../requests/scope.ts';
import type { Step } from './ledger.ts';
import { emptySet, readWithWildcards } from './wildcards.ts';

/** Steps and prerequisites of one update. */
const MOST_RECORDS = 100;
/** Records of one RRset after an update, and their octets. */
const MOST_MEMBERS = 50;
const MOST_OCTETS = 8 * 1024;
/** RRsets of one update. */
const MOST_RRSETS = 20;
/** Seconds, as plans have. */
const MOST_TTL = 604_800;

/** Why an update is not passed on. */
export interface Refused {
  rcode: Rcode;
  /** A sentence, for the grant's record: the client gets the code alone. */
  why: string;
}
export const refuse = (why: string, rcode: Rcode = 'REFUSED'): Refused => ({ rcode, why });
export const isRefused = (value: object): value is Refused => 'rcode' in value && 'why' in value;

type TypedChange = Exclude<ReceivedChange, { kind: 'delete_name' }>;

/** What can be said without asking anybody: sizes and the scope. */
export function checkScope(update: ReceivedUpdate, scope: DnsScope): Refused | null {
  const { zone, prerequisites, changes } = update;
  if (scope.zone !== zone) return refuse(`The grant is for the zone ${scope.zone}, and the update for ${zone}.`);
  if (changes.length === 0) return refuse('The update changes nothing.');
  if (changes.length + prerequisites.length > MOST_RECORDS)
    return refuse(`The update has more than ${MOST_RECORDS} steps and prerequisites.`);
  const foreign = prerequisites.find(({ name }) => !hasName(scope, name));
  if (foreign !== undefined)
    return refuse(`A prerequisite asks about ${foreign.name}, which is not among the names of the grant.`);
  for (const change of changes) {
    const { name } = change;
    if (change.kind === 'delete_name') return refuse(`All records of ${name} may not be deleted at once: name their types.`);
    const operation = change.kind === 'add' ? 'add' : 'delete';
    const outside = outsideScope(scope, { name, type: typeName(change.type), operation });
    if (outside !== null) return refuse(outside);
    if (change.kind === 'add' && change.ttl > MOST_TTL) return refuse(`A TTL is above ${MOST_TTL} seconds.`);
  }
  const aliases = new Set(changes.filter((one) => (one as TypedChange).type === RECORD_TYPES.CNAME).map(({ name }) => name));
  const mixed = changes.find((one) => (one as TypedChange).type !== RECORD_TYPES.CNAME && aliases.has(one.name));
  if (mixed !== undefined) return refuse(`The alias of ${mixed.name} and its other records are changed in one update: send two.`);
  return null;
}

/** The RRsets that an update changes, before and after, and all that must hold when it is carried out. */
export interface Prepared {
  steps: Step[];
  prerequisites: RawRecord[];
}

/**
 * Reads what the primary server has now, and computes what it would have.
 * @param dns asks the primary server, without a cache
 * @param means.literal records that a wildcard may have answered with are taken for the name's own
 */
export async function prepare(
  { changes, prerequisites }: ReceivedUpdate,
  scope: DnsScope,
  { dns, literal, signal }: { dns: Dns; literal: boolean; signal: AbortSignal },
): Promise<Prepared | Refused> {
  const wanted = new Map<string, { name: string; type: RecordType }>();
  for (const change of changes as TypedChange[]) {
    const type = typeName(change.type)!;
    wanted.set(`${type} ${change.name}`, { name: change.name, type });
  }
  if (wanted.size > MOST_RRSETS) return refuse(`The update changes more than ${MOST_RRSETS} RRsets.`);
  const steps: Step[] = [];
  const added: RawRecord[] = [];
  for (const { name, type } of wanted.values()) {
    const { found, synthesized } = await readWithWildcards(dns, name, type, signal);
    const before = synthesized && !literal ? emptySet(name, type) : found;
    if (before === null) return refuse(`The name server does not say which ${type} records ${name} has.`, 'SERVFAIL');
    // To add beside an alias changes nothing, and a server would say that it was done (RFC 2136 section
    // 3.4.2.2).
    if (before === 'alias') return refuse(`${name} is an alias.`, 'YXRRSET');
    const after = afterChanges(before, changes);
    const wrong = checkStep({ before, after }, scope);
    if (wrong !== null) return wrong;
    steps.push({ before, after });
    added.push(...asPrerequisite(before));
    if (type !== 'CNAME') added.push({ name, type: RECORD_TYPES.CNAME, class: CLASS.NONE, ttl: 0, rdata: Buffer.alloc(0) });
    // An alias stands alone (RFC 1034 section 3.6.2).
    else if (before.members.length === 0 && after.members.length > 0)
      added.push({ name, type: META_TYPE.ANY, class: CLASS.NONE, ttl: 0, rdata: Buffer.alloc(0) });
  }
  return { steps, prerequisites: distinct([...prerequisites, ...added]) };
}

/** What the steps of an update come to may be more than each of them says. */
function checkStep({ before, after }: Step, { operations }: DnsScope): Refused | null {
  const { name, type, members } = after;
  const has = (set: readonly Buffer[], one: Buffer) => set.some((other) => other.equals(one));
  if (members.length > MOST_MEMBERS || members.reduce((sum, one) => sum + one.length, 0) > MOST_OCTETS)
    return refuse(`${name} would have more than ${MOST_MEMBERS} ${type} records, or more than ${MOST_OCTETS} octets of them.`);
  if (!operations.includes('delete')) {
    if (!before.members.every((one) => has(members, one)))
      return refuse(`The update replaces a record of ${name}, and the grant does not include to delete records.`);
    if (before.ttl !== null && after.ttl !== before.ttl)
      return refuse(`The update changes the TTL of all records of ${name}, and the grant does not include to delete records.`);
  }
  return null;
}

function distinct(records: readonly RawRecord[]): RawRecord[] {
  const seen = new Set<string>();
  return records.filter(({ name, type, class: klass, rdata }) => {
    const key = `${name} ${type} ${klass} ${rdata.toString('hex')}`;
    return !seen.has(key) && seen.add(key);
  });
}
