import { WireError } from '../client/reader.ts';
import { OPCODE } from './message.ts';
import { readSigned, type Signed, TSIG_ERRORS, type TsigError, type TsigKey, verifyTsig } from './tsig.ts';

/** The codes of an answer to an update (RFC 2136 section 2.2). */
export const RCODES = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
} as const;
export type Rcode = keyof typeof RCODES;

/** Why a server did not carry out an update. */
export type Refusal =
  /** A prerequisite does not hold: the records are no longer what they were. */
  | 'stale'
  /** The key is unknown to the server, or (Knot) has no right to this change. */
  | 'bad_key'
  /** The secret is another one. */
  | 'bad_signature'
  /** The clocks differ by more than five minutes. */
  | 'bad_time'
  | 'bad_truncation'
  /** The key has no right to this change, or the server does not accept updates from here. */
  | 'not_allowed'
  /** The server does not hold the zone, or wants a signature. */
  | 'not_authorized'
  | 'not_in_zone'
  | 'format'
  | 'not_supported'
  | 'other';

/** What is known after an update was sent. */
export type UpdateOutcome =
  /**
   * The server has accepted it, as its signature proves. That does not prove an effect (nothing is added
   * beside a CNAME; Knot does not change the TTL of a record that is there): read the records back.
   */
  | { state: 'accepted' /** Seconds by which the server's clock is ahead of ours. */; drift: number }
  | {
      state: 'refused';
      reason: Refusal;
      /** The name of the code, or its number as text. */
      rcode: Rcode | string;
      /**
       * Whether a signature proves that the server said so. Without one, read the records before trusting
       * that nothing changed.
       */
      proven: boolean;
      /** Seconds by which the server's clock is ahead of ours; null when it gave no time. */
      drift: number | null;
      message: string;
    }
  /** Nothing left this machine. */
  | { state: 'not_sent'; reason: 'unreachable' | 'timeout' | 'cancelled' | 'unencodable'; message: string }
  /**
   * It may have been carried out or not: send it again, and read the records when it is then refused as
   * stale.
   */
  | { state: 'unknown'; reason: UnknownOutcome; message: string };

export type UnknownOutcome =
  | 'timeout'
  | 'closed'
  | 'cancelled'
  | 'malformed'
  /** An answer that anyone could have sent. */
  | 'unsigned'
  | 'bad_signature'
  /** The server failed, or could not reach the one it passes updates on to. */
  | 'servfail';

/**
 * Reads the answer to a signed update.
 * @param request.id the id of the request, request.mac its MAC
 * @param now seconds since 1970
 * @returns `unknown` for whatever does not prove what happened; it never throws
 */
export function readOutcome(bytes: Buffer, request: { id: number; mac: Buffer; key: TsigKey }, now: number): UpdateOutcome {
  let signed: Signed;
  try {
    signed = readSigned(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return unknown('malformed', `the answer cannot be read: ${error.message}`);
  }
  const { message, tsig, unsigned } = signed;
  if (message.id !== request.id || !message.response || message.opcode !== OPCODE.UPDATE)
    return unknown('malformed', 'what came is no answer to the update');
  // Answers that report BADKEY or BADSIG have no MAC (RFC 8945 section 5.3.2).
  if (tsig === null || tsig.mac.length === 0) {
    if (message.rcode === RCODES.NOERROR) return unknown('unsigned', 'the answer says that it was done and is not signed');
    if (message.rcode === RCODES.SERVFAIL) return unknown('servfail', 'the server answered SERVFAIL');
    return refused(message.rcode, tsig?.error ?? 0, { proven: false, drift: null });
  }
  const wrong = verifyTsig({ tsig, unsigned }, request.key, request.mac, now);
  if (wrong !== null) return unknown('bad_signature', `the signature of the answer does not hold (${wrong})`);
  // A BADTIME answer repeats our time, and has the server's in the other data (RFC 8945 section 5.2.3).
  const time = tsig.error === TSIG_ERRORS.BADTIME && tsig.other.length === 6 ? tsig.other.readUIntBE(0, 6) : tsig.time;
  const drift = time - Math.round(now);
  if (message.rcode === RCODES.SERVFAIL) return unknown('servfail', 'the server answered SERVFAIL');
  if (message.rcode !== RCODES.NOERROR || tsig.error !== 0) return refused(message.rcode, tsig.error, { proven: true, drift });
  return { state: 'accepted', drift };
}

const RCODE_NAMES = new Map<number, Rcode>(Object.entries(RCODES).map(([name, number]) => [number, name as Rcode]));
const TSIG_ERROR_NAMES = new Map<number, TsigError>(
  Object.entries(TSIG_ERRORS).map(([name, number]) => [number, name as TsigError]),
);

const BY_TSIG_ERROR: Record<TsigError, [Refusal, string]> = {
  BADKEY: [
    'bad_key',
    'The name server does not know this TSIG key, or the key has no right to this change (Knot answers both with BADKEY). ' +
      "Compare the key's name and algorithm, and the rights of the key.",
  ],
  BADSIG: ['bad_signature', 'The name server has another secret for this TSIG key. Set the secret that the server has.'],
  BADTIME: [
    'bad_time',
    "The clock of the name server and this machine's differ by more than five minutes. Synchronize both by NTP.",
  ],
  BADTRUNC: [
    'bad_truncation',
    'The name server accepts no shortened signatures, and got one: something on the way shortened it.',
  ],
};

const STALE: [Refusal, string] = [
  'stale',
  'The records are not what they were when the change was planned. Read them again and plan anew.',
];
const BY_RCODE: Partial<Record<Rcode, [Refusal, string]>> = {
  NXDOMAIN: STALE,
  YXDOMAIN: STALE,
  YXRRSET: STALE,
  NXRRSET: STALE,
  REFUSED: [
    'not_allowed',
    'The name server refused the change: the key has no right to it, or the server knows no such key or no updates at all. ' +
      'PowerDNS also refuses a wrong secret and a wrong clock in this way.',
  ],
  NOTAUTH: [
    'not_authorized',
    'The name server is not authoritative for the zone, or does not accept the signature. Check the name of the zone and the key.',
  ],
  NOTZONE: ['not_in_zone', 'A name of the change is not in the zone. Look for the zone that holds it.'],
  FORMERR: ['format', 'The name server could not read the change.'],
  NOTIMP: ['not_supported', 'The name server does not support updates (RFC 2136).'],
};

function refused(code: number, error: number, told: { proven: boolean; drift: number | null }): UpdateOutcome {
  const rcode = RCODE_NAMES.get(code);
  const tsigError = TSIG_ERROR_NAMES.get(error);
  const known = tsigError === undefined ? rcode && BY_RCODE[rcode] : BY_TSIG_ERROR[tsigError];
  const [reason, message] = known ?? (['other', `The name server refused the change with code ${code}.`] as const);
  return { state: 'refused', reason, rcode: rcode ?? String(code), ...told, message };
}

/** @param detail what happened, as a part of a sentence */
export function unknown(reason: UnknownOutcome, detail: string): UpdateOutcome {
  return { state: 'unknown', reason, message: `It is not known whether the change was made: ${detail}.` };
}
