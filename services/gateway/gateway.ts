import { lowerName } from '../dns/client/name.ts';
import { WireError } from '../dns/client/reader.ts';
import { RECORD_TYPES } from '../dns/client/types.ts';
import { answerTo, FLAG, recordOf, type Said, signedAnswer, tsigErrorAnswer } from '../dns/wire/answer.ts';
import { CLASS, OPCODE, type RawMessage } from '../dns/wire/message.ts';
import { RCODES, type Rcode } from '../dns/wire/outcome.ts';
import { isWithin, readUpdate } from '../dns/wire/received.ts';
import { readSigned, type Signed, verifyTsig } from '../dns/wire/tsig.ts';
import { rdataOf } from '../dns/wire/writer.ts';
import { messageOf } from '../shared/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { LentKey } from './ledger.ts';
import { carryOut, primaryOf, serverOf, type UpdateMeans } from './update.ts';

/** Octets of a message that is read: more than an update of MOST_RECORDS needs. */
export const MOST_MESSAGE = 32 * 1024;
/** Octets of an answer over UDP without EDNS (RFC 1035 section 2.3.4). */
const MOST_UDP = 512;
/** Seconds that a signature is valid at most, whatever fudge the client wishes (RFC 8945 section 10). */
const MOST_FUDGE = 300;
/** An update that takes longer is given up: no client waits for it. */
const PATIENCE_MS = 20_000;

export interface GatewayMeans extends Omit<UpdateMeans, 'signal'> {
  log: Log;
  /** Milliseconds since 1970: the clock that signatures go by. */
  now: () => number;
  /** Counts what was done with an update or a question. */
  count: (outcome: string) => void;
}

/** Where a message came from. */
export interface From {
  /** "address:port". */
  client: string;
  udp: boolean;
}

/**
 * Answers one message that anyone may have sent: an update that is signed with a lent key, or a question for
 * the SOA record of a zone of the settings. It never throws.
 * @returns null when nothing is to be answered
 */
export async function answerMessage(bytes: Buffer, from: From, means: GatewayMeans): Promise<Buffer | null> {
  // An answer is not answered: two servers would do so for ever (RFC 1035 section 4.1.1: QR).
  if (bytes.length < 12 || (bytes[2]! & 0x80) !== 0) return null;
  const bare = { id: bytes.readUInt16BE(0), opcode: (bytes[2]! >> 3) & 15, questions: [] };
  try {
    if (bytes.length > MOST_MESSAGE) return answerTo(bare, { rcode: 'REFUSED' });
    if (bare.opcode !== OPCODE.QUERY && bare.opcode !== OPCODE.UPDATE) return answerTo(bare, { rcode: 'NOTIMP' });
    return await answerRead(readSigned(bytes), from, means);
  } catch (error) {
    if (error instanceof WireError) return answerTo(bare, { rcode: 'FORMERR' });
    means.log.error({ err: messageOf(error), client: from.client }, 'a message to the gateway could not be answered');
    return answerTo(bare, { rcode: 'SERVFAIL' });
  }
}

async function answerRead(signed: Signed, from: From, means: GatewayMeans): Promise<Buffer | null> {
  const { message, tsig } = signed;
  const now = () => means.now() / 1000;
  if (tsig === null) {
    if (message.opcode === OPCODE.UPDATE) means.count('unsigned');
    const said: Said = message.opcode === OPCODE.UPDATE ? { rcode: 'REFUSED' } : await answerQuestion(message, means);
    return within(from, message, said, (one) => one);
  }
  const key = keyOf(await means.ledger.keys(tsig.keyName), tsig.keyName, tsig.algorithm);
  const bounded = { unsigned: signed.unsigned, tsig };
  const wrong =
    verifyTsig(bounded, key, null, now()) ??
    // A client that asks for a longer validity gets no longer one.
    (Math.abs(now() - tsig.time) > MOST_FUDGE ? 'BADTIME' : null);
  if (wrong !== null || key === null) {
    means.count((wrong ?? 'BADKEY').toLowerCase());
    if (wrong === 'FORMERR') return answerTo(message, { rcode: 'FORMERR' });
    return tsigErrorAnswer(message, { tsig, key, error: wrong ?? 'BADKEY' }, now());
  }
  const said =
    message.opcode === OPCODE.UPDATE
      ? await answerUpdate(signed, key, from, means)
      : key.over === true
        ? 'ended'
        : await answerQuestion(message, means);
  if (said === 'ended') {
    means.count('badkey');
    return tsigErrorAnswer(message, { tsig, key: null, error: 'BADKEY' }, now());
  }
  return said === null ? null : within(from, message, said, (answer) => signedAnswer(answer, { tsig, key }, now()));
}

function keyOf(keys: readonly LentKey[], name: string, algorithm: string): LentKey | null {
  const key = keys.find((one) => lowerName(one.name) === lowerName(name));
  return key?.algorithm === lowerName(algorithm) ? key : null;
}

/**
 * The answer; over UDP a longer one is cut to its header, and the client comes again over TCP (RFC 1035
 * section 4.2.1).
 */
function within({ udp }: From, message: RawMessage, said: Said, finish: (answer: Buffer) => Buffer): Buffer {
  const answer = finish(answerTo(message, said));
  if (!udp || answer.length <= MOST_UDP) return answer;
  return finish(answerTo({ ...message, questions: [] }, { rcode: said.rcode, flags: (said.flags ?? 0) | FLAG.TC }));
}

/** The SOA record of a zone is all that is answered: clients look for the zone of a name in this way. */
async function answerQuestion(message: RawMessage, means: GatewayMeans): Promise<Said> {
  const [question] = message.questions;
  if (message.questions.length !== 1 || message.answers.length > 0 || message.authorities.length > 0) return { rcode: 'FORMERR' };
  const { name, type, class: klass } = question!;
  if (type !== RECORD_TYPES.SOA || klass !== CLASS.IN) return { rcode: 'REFUSED' };
  const zones = means.targets.flatMap((one) => (one.kind === 'rfc2136' ? one.zones : []));
  const zone = zones.filter((one) => isWithin(name, one)).sort((a, b) => b.length - a.length)[0];
  if (zone === undefined) return { rcode: 'REFUSED' };
  const answer = await primaryOf(serverOf(means.targets, zone)!).ask(zone, 'SOA');
  if (answer.state !== 'records') return { rcode: 'SERVFAIL' };
  const soa = answer.records[0]!;
  const own = lowerName(name) === zone;
  const record = recordOf(
    own ? name : zone,
    RECORD_TYPES.SOA,
    own ? answer.ttl : Math.min(answer.ttl, soa.minimum),
    rdataOf('SOA', soa),
  );
  // Whether a name below exists is not said.
  return { rcode: 'NOERROR', flags: FLAG.AA, ...(own ? { answers: [record] } : { authorities: [record] }) };
}

const NAMES = new Map<number, Rcode>(Object.entries(RCODES).map(([name, code]) => [code, name as Rcode]));

async function answerUpdate(
  { message, tsig }: Signed,
  key: LentKey,
  from: From,
  means: GatewayMeans,
): Promise<Said | 'ended' | null> {
  const { ledger, log, count } = means;
  const update = readUpdate(message);
  if (typeof update === 'string') return { rcode: update };
  try {
    const received = await ledger.receive(key, { mac: tsig!.mac, client: from.client });
    // The same octets are the same update: it is not carried out twice, and has the same answer, also when it
    // was what ended the grant (its last use, or the task that it was lent for) and the client has not heard
    // that it was accepted.
    if (received.state === 'again') return received.rcode === null ? null : { rcode: NAMES.get(received.rcode) ?? 'SERVFAIL' };
    if (received.state === 'ended') return 'ended';
    if (received.state !== 'new') {
      count(received.state);
      return { rcode: 'REFUSED' };
    }
    const { update_key } = received;
    const settled = await carryOut(update, { key, update_key }, { ...means, signal: AbortSignal.timeout(PATIENCE_MS) });
    await ledger.settle(key, update_key, settled);
    count(settled.state);
    log.info({ grant: key.grant_key, client: from.client, state: settled.state, answer: settled.answer }, 'update');
    return { rcode: NAMES.get(settled.rcode) ?? 'SERVFAIL' };
  } catch (error) {
    // What is not written down as done is not said to be.
    log.error({ grant: key.grant_key, err: messageOf(error) }, 'an update could not be carried out');
    count('failed');
    return { rcode: 'SERVFAIL' };
  }
}
