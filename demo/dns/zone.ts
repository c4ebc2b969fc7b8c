import { lowerName } from '../../services/dns/client/name.ts';
import { Reader } from '../../services/dns/client/reader.ts';
import { RECORD_TYPES, type RecordType } from '../../services/dns/client/types.ts';
import { CLASS, META_TYPE, type RawRecord } from '../../services/dns/wire/message.ts';
import { rdataOf } from '../../services/dns/wire/writer.ts';
import { parseZoneFile } from '../../services/dns/zonefile.ts';

/** Seconds that answers of the demo are cached. */
const TTL = 60;

/** All records of one name and type. */
export interface RecordSet {
  ttl: number;
  rdatas: Buffer[];
}

/** The sets of a zone by name (lower case) and number of the type. */
export type Sets = Map<string, Map<number, RecordSet>>;

/** What a zone says about a name and a type. */
export type Lookup =
  | { state: 'records'; records: RawRecord[] }
  /** Another name has the records. */
  | { state: 'alias'; record: RawRecord; target: string }
  | { state: 'nodata' | 'nxdomain' };

/** The records of one zone in memory. Names are without the dot at the end; the root is ".". */
export class Zone {
  readonly name: string;
  sets: Sets = new Map();

  /**
   * @param lines as a zone file has them; SOA, NS and the address of the name server are made
   * @throws ZoneFileError for lines that cannot be read
   */
  constructor(name: string, lines: readonly string[] = []) {
    this.name = lowerName(name);
    const planned = parseZoneFile(lines.join('\n'), this.name === '.' ? null : this.name);
    for (const [owner, types] of planned)
      for (const [type, records] of Object.entries(types))
        for (const record of records)
          add(this.sets, {
            name: owner,
            type: RECORD_TYPES[type as RecordType],
            rdata: rdataOf(type as RecordType, record as never),
          });
    add(this.sets, { name: this.name, type: RECORD_TYPES.NS, rdata: rdataOf('NS', this.below('ns')) });
    add(this.sets, { name: this.below('ns'), type: RECORD_TYPES.A, rdata: rdataOf('A', '127.0.0.1') });
    this.setSerial(1);
  }

  /** Whether a name is in the zone. */
  holds(name: string): boolean {
    return isBelow(lowerName(name), this.name);
  }

  private below(label: string): string {
    return this.name === '.' ? label : `${label}.${this.name}`;
  }

  get serial(): number {
    const rdata = this.sets.get(this.name)!.get(RECORD_TYPES.SOA)!.rdatas[0]!;
    return new Reader(rdata, 0).data('SOA', rdata.length).serial;
  }

  setSerial(serial: number): void {
    const below = (label: string) => (this.name === '.' ? label : `${label}.${this.name}`);
    const soa = {
      mname: below('ns'),
      rname: below('hostmaster'),
      serial,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: TTL,
    };
    const sets = this.sets.get(this.name) ?? new Map<number, RecordSet>();
    sets.set(RECORD_TYPES.SOA, { ttl: TTL, rdatas: [rdataOf('SOA', soa)] });
    this.sets.set(this.name, sets);
  }

  soa(): RawRecord[] {
    return recordsOf(this.name, RECORD_TYPES.SOA, this.sets.get(this.name)!.get(RECORD_TYPES.SOA)!);
  }

  /** @param given in the letters of the question, which the answer repeats */
  look(given: string, type: number): Lookup {
    const name = lowerName(given);
    const types = this.sets.get(name);
    if (types === undefined) {
      const exists = [...this.sets.keys()].some((other) => isBelow(other, name));
      return { state: exists ? 'nodata' : 'nxdomain' };
    }
    const alias = types.get(RECORD_TYPES.CNAME);
    if (alias !== undefined && type !== RECORD_TYPES.CNAME && type !== META_TYPE.ANY) {
      const [record] = recordsOf(given, RECORD_TYPES.CNAME, alias);
      return { state: 'alias', record: record!, target: new Reader(record!.rdata, 0).name() };
    }
    if (type === META_TYPE.ANY)
      return { state: 'records', records: [...types].flatMap(([one, set]) => recordsOf(given, one, set)) };
    const set = types.get(type);
    return set === undefined ? { state: 'nodata' } : { state: 'records', records: recordsOf(given, type, set) };
  }
}

/** Whether a name is another one or below it; both in lower case. */
export function isBelow(name: string, zone: string): boolean {
  return zone === '.' || name === zone || name.endsWith(`.${zone}`);
}

/** Adds a record to the sets, if it is not there. */
export function add(
  sets: Sets,
  { name, type, rdata, ttl = TTL }: Pick<RawRecord, 'name' | 'type' | 'rdata'> & { ttl?: number },
): void {
  const types = sets.get(name) ?? new Map<number, RecordSet>();
  sets.set(name, types);
  const set = types.get(type) ?? { ttl, rdatas: [] };
  types.set(type, set);
  // All records of a set have one TTL (RFC 2181 section 5.2): the one that was given last.
  set.ttl = ttl;
  if (!set.rdatas.some((one) => one.equals(rdata))) set.rdatas.push(rdata);
}

function recordsOf(name: string, type: number, { ttl, rdatas }: RecordSet): RawRecord[] {
  return rdatas.map((rdata) => ({ name, type, class: CLASS.IN, ttl, rdata }));
}
