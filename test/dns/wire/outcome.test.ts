import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMessage } from '../../../services/dns/wire/message.ts';
import { RCODES, readOutcome } from '../../../services/dns/wire/outcome.ts';
import { appendTsig, signMessage, type TsigKey } from '../../../services/dns/wire/tsig.ts';
import { VECTOR_SECRET, VECTOR_TIME, VECTORS } from './vectors.ts';

const key: TsigKey = { name: 'key.example', algorithm: 'hmac-sha256', secret: Buffer.from('a secret') };
const mac = Buffer.alloc(32, 7);
const NOW = 1_795_000_000;

const bare = (rcode: number, changed: { id?: number; opcode?: number; response?: boolean } = {}) =>
  encodeMessage({
    id: 5,
    opcode: 5,
    response: true,
    flags: 0,
    rcode,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    ...changed,
  });
const signed = (
  bytes: Buffer,
  options: { by?: TsigKey; requestMac?: Buffer; error?: number; time?: number; other?: Buffer } = {},
) => {
  const { by = key, ...rest } = options;
  return signMessage(bytes, by, { time: NOW, requestMac: mac, ...rest }).bytes;
};
const unsignedError = (rcode: number, error: number) =>
  appendTsig(bare(rcode), {
    keyName: key.name,
    algorithm: key.algorithm,
    time: NOW,
    fudge: 300,
    mac: Buffer.alloc(0),
    originalId: 5,
    error,
    other: Buffer.alloc(0),
  });
const read = (bytes: Buffer) => readOutcome(bytes, { id: 5, mac, key }, NOW);

test('accepted only with a signature that answers this request', () => {
  expect(read(signed(bare(0), { time: NOW + 61 }))).toEqual({ state: 'accepted', drift: 61 });
  expect(read(bare(0))).toMatchObject({ state: 'unknown', reason: 'unsigned' });
  expect(read(unsignedError(0, 0))).toMatchObject({ state: 'unknown', reason: 'unsigned' });
  expect(read(signed(bare(0), { by: { ...key, secret: Buffer.from('x') } }))).toMatchObject({
    state: 'unknown',
    reason: 'bad_signature',
  });
  expect(read(signed(bare(0), { by: { ...key, name: 'other' } }))).toMatchObject({ state: 'unknown', reason: 'bad_signature' });
  expect(read(signed(bare(0), { requestMac: Buffer.alloc(32, 8) }))).toMatchObject({ state: 'unknown', reason: 'bad_signature' });
  expect(read(signed(bare(0), { time: NOW - 301 }))).toMatchObject({ state: 'unknown', reason: 'bad_signature' });
});

test('what is no answer to this update is unknown', () => {
  for (const bytes of [
    bare(0, { id: 6 }),
    bare(0, { opcode: 0 }),
    bare(0, { response: false }),
    Buffer.alloc(0),
    Buffer.from('HTTP/1.1 400 Bad'),
    signed(signed(bare(0))),
  ])
    expect(read(bytes)).toMatchObject({ state: 'unknown', reason: 'malformed' });
  expect(read(signed(bare(0, { id: 6 })))).toMatchObject({ state: 'unknown' });
});

test.each([
  ['FORMERR', 'format'],
  ['NXDOMAIN', 'stale'],
  ['NOTIMP', 'not_supported'],
  ['REFUSED', 'not_allowed'],
  ['YXDOMAIN', 'stale'],
  ['YXRRSET', 'stale'],
  ['NXRRSET', 'stale'],
  ['NOTAUTH', 'not_authorized'],
  ['NOTZONE', 'not_in_zone'],
] as const)('%s is a refusal: %s; proven when it is signed', (rcode, reason) => {
  const bytes = bare(RCODES[rcode]);
  expect(read(signed(bytes))).toMatchObject({ state: 'refused', rcode, reason, proven: true, drift: 0 });
  expect(read(bytes)).toMatchObject({ state: 'refused', rcode, reason, proven: false, drift: null });
});

test('SERVFAIL is unknown: a server that passes updates on answers it when it got no answer', () => {
  expect(read(signed(bare(2)))).toMatchObject({ state: 'unknown', reason: 'servfail' });
  expect(read(bare(2))).toMatchObject({ state: 'unknown', reason: 'servfail' });
});

test('the errors of TSIG', () => {
  expect(read(unsignedError(9, 16))).toMatchObject({
    state: 'refused',
    reason: 'bad_signature',
    rcode: 'NOTAUTH',
    proven: false,
  });
  expect(read(unsignedError(9, 17))).toMatchObject({ state: 'refused', reason: 'bad_key', proven: false });
  expect(read(signed(bare(9), { error: 22 }))).toMatchObject({ state: 'refused', reason: 'bad_truncation', proven: true });
  const other = Buffer.alloc(6);
  other.writeUIntBE(NOW + 600, 0, 6);
  expect(read(signed(bare(9), { error: 18, other }))).toMatchObject({
    state: 'refused',
    reason: 'bad_time',
    proven: true,
    drift: 600,
  });
  // Without the server's time, only that of the signature is known.
  expect(read(signed(bare(9), { error: 18 }))).toMatchObject({ reason: 'bad_time', drift: 0 });
  // A signed NOERROR with an error is no acceptance.
  expect(read(signed(bare(0), { error: 18 }))).toMatchObject({ state: 'refused', reason: 'bad_time' });
  expect(read(signed(bare(11)))).toMatchObject({ state: 'refused', reason: 'other', rcode: '11' });
});

test('every message is a sentence that says what to do or what is not known', () => {
  for (const rcode of Object.values(RCODES)) {
    const outcome = read(bare(rcode));
    if (outcome.state !== 'accepted') expect(outcome.message).toMatch(/^[A-Z].*\.$/s);
  }
});

test('no answer, however hostile, is taken for an acceptance, and none throws', () => {
  const accepted = Buffer.from(VECTORS[0].answer, 'hex');
  const request = {
    id: 0x1234,
    mac: Buffer.from(VECTORS[0].update, 'hex').subarray(-38, -6),
    key: { ...key, secret: VECTOR_SECRET },
  };
  expect(readOutcome(accepted, request, VECTOR_TIME)).toEqual({ state: 'accepted', drift: 3 });
  const spoil = fc.array(fc.tuple(fc.nat(accepted.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(spoil, fc.nat(accepted.length), (changes, cut) => {
      const bytes = Buffer.from(accepted);
      for (const [at, by] of changes) bytes[at]! ^= by;
      for (const one of [bytes, bytes.subarray(0, cut), Buffer.concat([bytes, bytes.subarray(0, cut)])]) {
        const outcome = readOutcome(one, request, VECTOR_TIME);
        // Letter case of the names is not signed; two changes of the same octet may cancel out.
        if (outcome.state === 'accepted')
          expect(one.toString('latin1').toLowerCase()).toBe(accepted.toString('latin1').toLowerCase());
      }
    }),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(readOutcome(Buffer.from(bytes), request, VECTOR_TIME).state).not.toBe('accepted');
    }),
    { numRuns: 2_000 },
  );
});
