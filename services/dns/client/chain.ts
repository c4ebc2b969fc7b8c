import { lowerName } from './name.ts';
import { RECORD_TYPES, type RecordData, type RecordType, type Soa, type UnknownReason } from './types.ts';
import type { Message } from './wire.ts';

/** What one message says about a name and a type. `ttl` in seconds, as sent. */
export type Reading<T extends RecordType> =
  | { state: 'records'; records: RecordData[T][]; name: string; aliases: string[]; ttl: number }
  | { state: 'nodata' | 'nxdomain'; name: string; aliases: string[]; ttl: number }
  /** CNAME records lead to a name that the message does not answer: it must be asked next. */
  | { state: 'elsewhere'; name: string; aliases: string[]; ttl: number }
  | { state: 'unknown'; reason: UnknownReason; detail: string; extended?: string };

const NOERROR = 0;
const SERVFAIL = 2;
const NXDOMAIN = 3;
const REFUSED = 5;
/** Seconds to cache a negative answer without an SOA; RFC 2308 section 5 would not cache it at all. */
const WITHOUT_SOA_TTL = 0;

/**
 * Reads a message that answers a question, following the CNAME records in it. Records that do not belong to
 * this chain are ignored.
 * @param mostAliases maximum number of CNAME records to follow
 */
export function readAnswer<T extends RecordType>(
  message: Message,
  asked: string,
  type: T,
  { recursive, mostAliases }: { recursive: boolean; mostAliases: number },
): Reading<T> {
  const { rcode } = message;
  if (rcode !== NOERROR && rcode !== NXDOMAIN) {
    const reason = rcode === SERVFAIL ? 'servfail' : rcode === REFUSED ? 'refused' : 'malformed';
    const extended = message.extended.map((code) => EXTENDED[code]).find((words) => words !== undefined);
    const detail = `it answered ${RCODES[rcode] ?? `with code ${rcode}`}${extended === undefined ? '' : ` (${extended})`}`;
    return { state: 'unknown', reason, detail, ...(extended !== undefined && { extended }) };
  }
  const owners = new Map<string, { records: RecordData[T][]; ttl: number; alias: string | null }>();
  for (const { name, type: number, ttl, data } of message.answers) {
    if (data === null || (number !== RECORD_TYPES[type] && number !== RECORD_TYPES.CNAME)) continue;
    const key = lowerName(name);
    const owner = owners.get(key) ?? { records: [], ttl, alias: null };
    owner.ttl = Math.min(owner.ttl, ttl);
    if (number === RECORD_TYPES[type]) owner.records.push(data as RecordData[T]);
    else if (owner.alias === null) owner.alias = lowerName(data as string);
    // Two CNAME records at a name (RFC 2181 section 10.1): it is undefined which one counts.
    else if (owner.alias !== lowerName(data as string))
      return { state: 'unknown', reason: 'malformed', detail: 'a name has several CNAME records' };
    owners.set(key, owner);
  }
  const aliases: string[] = [];
  let name = lowerName(asked);
  let ttl = Number.POSITIVE_INFINITY;
  for (;;) {
    const owner = owners.get(name);
    if (owner === undefined) break;
    ttl = Math.min(ttl, owner.ttl);
    if (owner.records.length > 0) return { state: 'records', records: owner.records, name, aliases, ttl };
    if (owner.alias === null) break;
    // A loop ends here as well.
    if (aliases.length >= mostAliases)
      return { state: 'unknown', reason: 'cname_loop', detail: 'its CNAME records lead on and on' };
    aliases.push(owner.alias);
    name = owner.alias;
  }
  const soa = message.authorities.find((record) => record.type === RECORD_TYPES.SOA && record.data !== null);
  const negative = soa === undefined ? WITHOUT_SOA_TTL : Math.min(soa.ttl, (soa.data as Soa).minimum);
  if (rcode === NXDOMAIN) return { state: 'nxdomain', name, aliases, ttl: Math.min(ttl, negative) };
  if (soa !== undefined) return { state: 'nodata', name, aliases, ttl: Math.min(ttl, negative) };
  if (aliases.length > 0) return { state: 'elsewhere', name, aliases, ttl };
  // A referral (RFC 2308 section 2.2): this server neither holds the zone nor asks a server that does.
  const referral = message.authorities.some((record) => record.type === RECORD_TYPES.NS);
  if (!message.authoritative && (referral || !recursive || !message.recursionAvailable))
    return { state: 'unknown', reason: 'lame', detail: 'it knows nothing of the zone, and does not ask others' };
  return { state: 'nodata', name, aliases, ttl: negative };
}

/** What extended errors say (RFC 8914 section 4), those that say more than that something failed. */
const EXTENDED: Record<number, string> = {
  1: 'a key algorithm that it does not know',
  2: 'a DS digest that it does not know',
  5: 'it cannot say whether the answer should be signed',
  6: 'the signatures do not validate',
  7: 'a signature has expired',
  8: 'a signature is not valid yet',
  9: 'no key of the zone matches the DS record',
  10: 'signatures are missing',
  11: 'a key that is no zone key',
  12: 'the proof that there is no such record is missing',
  15: 'blocked by its operator',
  16: 'censored',
  17: 'filtered',
  18: 'it refuses this client',
  22: 'no server of the zone can be reached',
  23: 'an error of the network on its way to the zone',
};

const RCODES: Record<number, string> = { 1: 'FORMERR', 2: 'SERVFAIL', 4: 'NOTIMP', 5: 'REFUSED', 9: 'NOTAUTH' };
