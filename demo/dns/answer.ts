import { lowerName } from '../../services/dns/client/name.ts';
import { WireError } from '../../services/dns/client/reader.ts';
import { RECORD_TYPES } from '../../services/dns/client/types.ts';
import { CLASS, encodeMessage, META_TYPE, OPCODE, type RawMessage, type RawRecord } from '../../services/dns/wire/message.ts';
import { RCODES, type Rcode } from '../../services/dns/wire/outcome.ts';
import {
  appendTsig,
  readSigned,
  type Signed,
  signMessage,
  TSIG_ERRORS,
  type TsigKey,
  verifyTsig,
} from '../../services/dns/wire/tsig.ts';
import { applyUpdate } from './update.ts';
import { isBelow, type Zone } from './zone.ts';

/** A key that may sign updates, and the types that it may change; all of them without a list. */
export interface UpdateKey extends TsigKey {
  types?: readonly number[];
}

/** CNAME records that are followed for one question. */
const MOST_ALIASES = 12;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
/** Octets of an answer over UDP without EDNS (RFC 1035 section 4.2.1), and the most that are sent with it. */
const UDP_OCTETS = 512;
const EDNS_OCTETS = 1232;

type Reply = Pick<RawMessage, 'answers' | 'authorities'> & { rcode: Rcode; authoritative: boolean };
const bare = (rcode: Rcode): Reply => ({ rcode, authoritative: false, answers: [], authorities: [] });

/** Answers messages about its zones, and changes them as signed updates say. */
export class Authority {
  private zones: readonly Zone[] = [];
  private readonly keys: readonly UpdateKey[];
  private readonly now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(zones: readonly Zone[], keys: readonly UpdateKey[], now: () => number) {
    for (const zone of zones) this.add(zone);
    this.keys = keys;
    this.now = now;
  }

  add(zone: Zone): void {
    // The longest name first: it is the zone that a name is in.
    this.zones = [...this.zones, zone].sort((a, b) => b.name.length - a.name.length);
  }

  /** @returns the octets of the answer; null for what gets none */
  answer(bytes: Buffer, over: 'udp' | 'tcp'): Buffer | null {
    if (bytes.length < 12 || (bytes[2]! & 0x80) !== 0) return null;
    let signed: Signed;
    try {
      signed = readSigned(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const head = { id: bytes.readUInt16BE(0), opcode: (bytes[2]! >> 3) & 15, flags: 0, questions: [], additionals: [] };
      return encodeMessage({ ...head, response: true, rcode: RCODES.FORMERR, answers: [], authorities: [] });
    }
    const { message, tsig } = signed;
    if (tsig === null)
      return this.encode(message, message.opcode === OPCODE.UPDATE ? bare('REFUSED') : this.query(message), over);
    const key = this.keys.find(({ name }) => lowerName(name) === lowerName(tsig.keyName)) ?? null;
    const seconds = Math.floor(this.now() / 1000);
    const wrong = verifyTsig({ tsig, unsigned: signed.unsigned }, key, null, seconds);
    if (wrong === 'FORMERR') return this.encode(message, bare('FORMERR'), over);
    if (wrong === 'BADKEY' || wrong === 'BADSIG') {
      const unsigned = { ...tsig, mac: Buffer.alloc(0), error: TSIG_ERRORS[wrong], other: Buffer.alloc(0) };
      return appendTsig(this.encode(message, bare('NOTAUTH'), over), unsigned);
    }
    if (wrong !== null) {
      // An answer to a wrong time repeats it, so that it can be verified (RFC 8945 section 5.2.3).
      const other = Buffer.alloc(wrong === 'BADTIME' ? 6 : 0);
      if (wrong === 'BADTIME') other.writeUIntBE(seconds, 0, 6);
      const time = wrong === 'BADTIME' ? tsig.time : seconds;
      const options = { time, requestMac: tsig.mac, error: TSIG_ERRORS[wrong], other };
      return signMessage(this.encode(message, bare('NOTAUTH'), over), key!, options).bytes;
    }
    const reply = message.opcode === OPCODE.UPDATE ? this.update(message, key!) : this.query(message);
    return signMessage(this.encode(message, reply, over), key!, { time: seconds, requestMac: tsig.mac }).bytes;
  }

  private update(message: RawMessage, key: UpdateKey): Reply {
    const [asked, ...more] = message.questions;
    if (asked === undefined || more.length > 0 || asked.type !== RECORD_TYPES.SOA) return bare('FORMERR');
    const zone = this.zones.find(({ name }) => name === lowerName(asked.name));
    if (zone === undefined || asked.class !== CLASS.IN) return bare('NOTAUTH');
    return bare(applyUpdate(zone, message, (_, type) => key.types?.includes(type) ?? true));
  }

  private query(message: RawMessage): Reply {
    const [asked, ...more] = message.questions;
    if (message.opcode !== OPCODE.QUERY) return bare('NOTIMP');
    if (asked === undefined || more.length > 0) return bare('FORMERR');
    const answers: RawRecord[] = [];
    let name = asked.name;
    for (let aliases = 0; aliases <= MOST_ALIASES; aliases++) {
      const zone = this.zones.find((one) => isBelow(lowerName(name), one.name));
      if (zone === undefined)
        return answers.length === 0 ? bare('REFUSED') : { ...bare('NOERROR'), authoritative: true, answers };
      const found = zone.look(name, asked.type);
      if (found.state === 'records') return { ...bare('NOERROR'), authoritative: true, answers: [...answers, ...found.records] };
      if (found.state !== 'alias')
        return {
          rcode: found.state === 'nodata' ? 'NOERROR' : 'NXDOMAIN',
          authoritative: true,
          answers,
          authorities: zone.soa(),
        };
      answers.push(found.record);
      name = found.target;
    }
    return { ...bare('NOERROR'), authoritative: true, answers };
  }

  private encode(request: RawMessage, reply: Reply, over: 'udp' | 'tcp'): Buffer {
    const opt = request.additionals.find(({ type }) => type === META_TYPE.OPT);
    const message: RawMessage = {
      id: request.id,
      opcode: request.opcode,
      response: true,
      flags: (reply.authoritative ? AA : 0) | (request.flags & RD),
      rcode: RCODES[reply.rcode],
      questions: request.questions.slice(0, 1),
      answers: reply.answers,
      authorities: reply.authorities,
      additionals:
        opt === undefined ? [] : [{ name: '.', type: META_TYPE.OPT, class: EDNS_OCTETS, ttl: 0, rdata: Buffer.alloc(0) }],
    };
    const bytes = encodeMessage(message);
    const most = opt === undefined ? UDP_OCTETS : Math.max(UDP_OCTETS, Math.min(opt.class, EDNS_OCTETS));
    if (over === 'tcp' || bytes.length <= most) return bytes;
    return encodeMessage({ ...message, flags: message.flags | TC, answers: [], authorities: [] });
  }
}
