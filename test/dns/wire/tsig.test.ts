import { expect, test } from 'vitest';
import { WireError } from '../../../services/dns/client/reader.ts';
import { appendTsig, macOf, readSigned, signMessage, type TsigKey, verifyTsig } from '../../../services/dns/wire/tsig.ts';
import { encodeUpdate } from '../../../services/dns/wire/update.ts';
import { VECTOR_SECRET, VECTOR_TIME, VECTORS } from './vectors.ts';

const keyOf = (algorithm: TsigKey['algorithm']): TsigKey => ({ name: 'key.EXAMPLE', algorithm, secret: VECTOR_SECRET });
const bytes = encodeUpdate({ zone: 'example.com', prerequisites: [], changes: [] }, 77);
const key = keyOf('hmac-sha256');

test.each(VECTORS)('another implementation agrees on $algorithm', ({ algorithm, update, answer }) => {
  const key = keyOf(algorithm);
  const request = readSigned(Buffer.from(update, 'hex'));
  expect(verifyTsig({ tsig: request.tsig!, unsigned: request.unsigned }, key, null, VECTOR_TIME)).toBeNull();
  const named = { ...key, name: 'Key.Example' };
  expect(signMessage(request.unsigned, named, { time: VECTOR_TIME }).bytes.toString('hex')).toBe(update);
  const reply = readSigned(Buffer.from(answer, 'hex'));
  expect(verifyTsig({ tsig: reply.tsig!, unsigned: reply.unsigned }, key, request.tsig!.mac, VECTOR_TIME)).toBeNull();
  const signed = signMessage(reply.unsigned, named, { time: VECTOR_TIME + 3, requestMac: request.tsig!.mac });
  expect(signed.bytes.toString('hex')).toBe(answer);
  // The same answer to another request does not hold.
  expect(verifyTsig({ tsig: reply.tsig!, unsigned: reply.unsigned }, key, Buffer.alloc(32), VECTOR_TIME)).toBe('BADSIG');
  expect(verifyTsig({ tsig: reply.tsig!, unsigned: reply.unsigned }, key, null, VECTOR_TIME)).toBe('BADSIG');
});

test('each error of a signature, in the order of RFC 8945 section 5.2', () => {
  const { tsig, unsigned } = readSigned(signMessage(bytes, key, { time: 1_000_000 }).bytes);
  const verify = (changed: Partial<NonNullable<typeof tsig>>, by: TsigKey | null = key, now = 1_000_000) =>
    verifyTsig({ tsig: { ...tsig!, ...changed }, unsigned }, by, null, now);
  expect(verify({})).toBeNull();
  expect(verify({ keyName: 'KEY.example' })).toBeNull();
  expect(verify({}, null)).toBe('BADKEY');
  expect(verify({}, { ...key, name: 'other' })).toBe('BADKEY');
  expect(verify({}, keyOf('hmac-sha512'))).toBe('BADKEY');
  expect(verify({ time: 999_999 })).toBe('BADSIG');
  expect(verify({ other: Buffer.of(1) })).toBe('BADSIG');
  expect(verify({ mac: tsig!.mac.subarray(0, 15) })).toBe('FORMERR');
  expect(verify({ mac: Buffer.concat([tsig!.mac, Buffer.of(0)]) })).toBe('FORMERR');
  expect(verify({ mac: Buffer.alloc(0) })).toBe('FORMERR');
  expect(verify({ mac: tsig!.mac.subarray(0, 16) })).toBe('BADTRUNC');
  expect(verify({}, key, 1_000_300)).toBeNull();
  expect(verify({}, key, 1_000_301)).toBe('BADTIME');
  expect(verify({}, key, 999_699)).toBe('BADTIME');
  // A wrong MAC is reported before a wrong time: a stranger learns nothing of our clock.
  expect(verify({ mac: Buffer.alloc(32) }, key, 0)).toBe('BADSIG');
});

test('every octet of a signed message is covered', () => {
  const signed = signMessage(bytes, key, { time: 1_000_000 }).bytes;
  for (let at = 0; at < signed.length; at++) {
    const changed = Buffer.from(signed);
    changed[at]! ^= 0x01;
    let verdict: string | null;
    try {
      const { tsig, unsigned } = readSigned(changed);
      verdict = tsig === null ? 'unsigned' : verifyTsig({ tsig, unsigned }, key, null, 1_000_000);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      verdict = 'unreadable';
    }
    // The id may be changed by a forwarder: the original one is signed.
    if (at < 2) expect(verdict).toBeNull();
    else expect(verdict, `octet ${at}`).not.toBeNull();
  }
});

test('a TSIG must be alone and last', () => {
  const once = signMessage(bytes, key, { time: 1 });
  expect(() => readSigned(signMessage(once.bytes, key, { time: 1 }).bytes)).toThrow(WireError);
  expect(readSigned(bytes).tsig).toBeNull();
  // Neither class nor TTL is covered by the MAC; behind the name they are the octets before the data.
  const at = bytes.length + 'key.EXAMPLE'.length + 2;
  for (const [offset, value] of [
    [3, 1],
    [7, 1],
  ] as const) {
    const changed = Buffer.from(once.bytes);
    changed[at + offset] = value;
    expect(() => readSigned(changed)).toThrow('a class or a TTL');
  }
});

test('the signature covers time and error of an answer; other data has the time of the server', () => {
  const other = Buffer.from('000000000007', 'hex');
  const signed = signMessage(bytes, key, { time: 5, requestMac: Buffer.from('mac'), error: 18, other });
  const { tsig, unsigned } = readSigned(signed.bytes);
  expect(tsig).toMatchObject({ time: 5, error: 18, originalId: 77, fudge: 300, other });
  expect(tsig!.mac).toEqual(macOf(unsigned, tsig!, key, Buffer.from('mac')));
  expect(unsigned).toEqual(bytes);
  const bare = readSigned(appendTsig(unsigned, { ...tsig!, mac: Buffer.alloc(0) }));
  expect(bare.tsig!.mac).toHaveLength(0);
});
