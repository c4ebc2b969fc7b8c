import { labelsOf, lowerName } from '../client/name.ts';
import { RECORD_TYPES } from '../client/types.ts';
import { CLASS, META_TYPE, type RawMessage, type RawRecord } from './message.ts';
import type { Rcode } from './outcome.ts';

/** One step of an update as it came (RFC 2136 section 2.5). */
export type ReceivedChange =
  /** `ttl` in seconds. */
  | { kind: 'add'; name: string; type: number; ttl: number; rdata: Buffer }
  | { kind: 'delete_record'; name: string; type: number; rdata: Buffer }
  | { kind: 'delete_rrset'; name: string; type: number }
  | { kind: 'delete_name'; name: string };

/** An update that a client sent. All names are in lower case. */
export interface ReceivedUpdate {
  zone: string;
  /** As they came, names in lower case. */
  prerequisites: RawRecord[];
  /** The steps as they came, and as they are understood. */
  records: RawRecord[];
  changes: ReceivedChange[];
}

/** Above this a TTL has no meaning (RFC 2181 section 8). */
const MOST_TTL = 0x7fff_ffff;

/** Whether a name is another one or below it, label by label: a dot inside a label ends none. */
export function isWithin(name: string, above: string): boolean {
  const [labels, end] = [labelsOf(name), labelsOf(above)];
  if (labels === null || end === null || labels.length < end.length) return false;
  return end.every((label, i) => lowerName(label) === lowerName(labels[labels.length - end.length + i]!));
}

/** Types that no zone holds: questions, signatures of messages and the like (RFC 6895 section 3.1). */
const isMeta = (type: number): boolean => type === 0 || type === META_TYPE.OPT || (type >= 128 && type <= 255);

/**
 * Reads an update as a server does before it looks at its zone (RFC 2136 sections 3.1, 3.2.5 and 3.4.1.3).
 * @returns the code of the answer for a message that is no update of a zone in class IN
 */
export function readUpdate(message: RawMessage): ReceivedUpdate | Extract<Rcode, 'FORMERR' | 'NOTZONE' | 'NOTAUTH'> {
  const [zone] = message.questions;
  if (message.questions.length !== 1 || zone!.type !== RECORD_TYPES.SOA) return 'FORMERR';
  if (zone!.class !== CLASS.IN) return 'NOTAUTH';
  const name = lowerName(zone!.name);
  const records = [...message.answers, ...message.authorities];
  if (!records.every((record) => isWithin(record.name, name))) return 'NOTZONE';
  if (!message.answers.every(isPrerequisite)) return 'FORMERR';
  const changes: ReceivedChange[] = [];
  for (const record of message.authorities) {
    const change = changeOf(record);
    if (change === null) return 'FORMERR';
    changes.push(change);
  }
  const lower = (one: RawRecord) => ({ ...one, name: lowerName(one.name) });
  return { zone: name, prerequisites: message.answers.map(lower), records: message.authorities.map(lower), changes };
}

function isPrerequisite({ class: klass, type, ttl, rdata }: RawRecord): boolean {
  if (ttl !== 0) return false;
  if (klass === CLASS.IN) return !isMeta(type) && rdata.length > 0;
  if (klass !== CLASS.ANY && klass !== CLASS.NONE) return false;
  return rdata.length === 0 && (type === META_TYPE.ANY || !isMeta(type));
}

function changeOf({ name: given, class: klass, type, ttl, rdata }: RawRecord): ReceivedChange | null {
  const name = lowerName(given);
  const any = type === META_TYPE.ANY;
  if (isMeta(type) && !any) return null;
  switch (klass) {
    case CLASS.IN:
      return any || rdata.length === 0 || ttl > MOST_TTL ? null : { kind: 'add', name, type, ttl, rdata };
    case CLASS.ANY:
      if (ttl !== 0 || rdata.length > 0) return null;
      return any ? { kind: 'delete_name', name } : { kind: 'delete_rrset', name, type };
    case CLASS.NONE:
      return any || ttl !== 0 || rdata.length === 0 ? null : { kind: 'delete_record', name, type, rdata };
    default:
      return null;
  }
}
