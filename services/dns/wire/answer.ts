import { CLASS, encodeMessage, type RawMessage, type RawRecord } from './message.ts';
import { RCODES, type Rcode } from './outcome.ts';
import { appendTsig, signMessage, TSIG_ERRORS, type Tsig, type TsigError, type TsigKey } from './tsig.ts';

/** Authoritative answer, and truncation (RFC 1035 section 4.1.1). */
export const FLAG = { AA: 0x0400, TC: 0x0200 } as const;

/** What an answer repeats of its request. */
export type Asked = Pick<RawMessage, 'id' | 'opcode' | 'questions'>;

export interface Said {
  rcode: Rcode;
  flags?: number;
  answers?: RawRecord[];
  authorities?: RawRecord[];
}

/** An answer without a signature. */
export function answerTo(asked: Asked, { rcode, flags = 0, answers = [], authorities = [] }: Said): Buffer {
  const { id, opcode, questions } = asked;
  return encodeMessage({
    id,
    opcode,
    response: true,
    flags,
    rcode: RCODES[rcode],
    questions,
    answers,
    authorities,
    additionals: [],
  });
}

/**
 * An answer to a request whose signature holds, signed with its key (RFC 8945 section 5.3). @param now
 * seconds since 1970
 */
export function signedAnswer(answer: Buffer, { tsig, key }: { tsig: Tsig; key: TsigKey }, now: number): Buffer {
  // The name of the key as the client wrote it.
  const named = { ...key, name: tsig.keyName };
  return signMessage(answer, named, { time: Math.floor(now), requestMac: tsig.mac }).bytes;
}

/**
 * The answer to a request whose signature does not hold (RFC 8945 section 5.3.2). BADKEY and BADSIG have no
 * MAC; BADTIME and BADTRUNC are signed, and BADTIME has the time of the server, while its own time is the
 * client's (section 5.2.3).
 * @param now seconds since 1970
 */
export function tsigErrorAnswer(
  asked: Asked,
  { tsig, key, error }: { tsig: Tsig; key: TsigKey | null; error: TsigError },
  now: number,
): Buffer {
  const answer = answerTo(asked, { rcode: 'NOTAUTH' });
  const code = TSIG_ERRORS[error];
  const none = Buffer.alloc(0);
  if (key === null || error === 'BADKEY' || error === 'BADSIG')
    return appendTsig(answer, { ...tsig, mac: none, originalId: asked.id, error: code, other: none });
  const other = Buffer.alloc(6);
  other.writeUIntBE(Math.floor(now), 0, 6);
  return signMessage(
    answer,
    { ...key, name: tsig.keyName },
    {
      time: error === 'BADTIME' ? tsig.time : Math.floor(now),
      requestMac: tsig.mac,
      error: code,
      other: error === 'BADTIME' ? other : none,
    },
  ).bytes;
}

/** A record of class IN. @param ttl seconds */
export const recordOf = (name: string, type: number, ttl: number, rdata: Buffer): RawRecord => ({
  name,
  type,
  class: CLASS.IN,
  ttl,
  rdata,
});
