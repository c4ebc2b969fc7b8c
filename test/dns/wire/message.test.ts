import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireError } from '../../../services/dns/client/reader.ts';
import { CLASS, decodeMessage, encodeMessage, type RawMessage } from '../../../services/dns/wire/message.ts';
import { VECTORS } from './vectors.ts';

const empty = Buffer.alloc(0);
const message: RawMessage = {
  id: 4711,
  opcode: 5,
  response: true,
  flags: 0x0100,
  rcode: 9,
  questions: [{ name: 'Example.com', type: 6, class: CLASS.IN }],
  answers: [{ name: 'a.example.com', type: 16, class: CLASS.NONE, ttl: 0, rdata: empty }],
  authorities: [{ name: 'a.example.com', type: 99, class: CLASS.IN, ttl: 4_294_967_295, rdata: Buffer.from('any octets') }],
  additionals: [{ name: '.', type: 41, class: 1232, ttl: 0, rdata: empty }],
};

test('a message is read as it was written', () => {
  const { lastRecordAt, ...read } = decodeMessage(encodeMessage(message));
  expect(read).toEqual(message);
  // The OPT record at the end has eleven octets.
  expect(lastRecordAt).toBe(encodeMessage(message).length - 11);
});

test('names inside the data of known types are uncompressed', () => {
  const compressed = Buffer.concat([
    Buffer.from('000128000001000000010000076578616d706c650000060001', 'hex'),
    Buffer.from('c00c000f0001000000000004000ac00c', 'hex'),
  ]);
  const read = decodeMessage(compressed);
  expect(read.authorities[0]!.rdata.toString('latin1')).toBe('\0\x0a\x07example\0');
});

test.each([
  ['a header alone that is cut', Buffer.alloc(11)],
  ['counts without records', Buffer.from('00012800000100000000ffff', 'hex')],
  ['octets after the end', Buffer.concat([encodeMessage(message), Buffer.of(0)])],
])('refused: %s', (_, bytes) => {
  expect(() => decodeMessage(bytes)).toThrow(WireError);
});

test('what no message can hold is refused', () => {
  const record = { name: 'a', type: 16, class: CLASS.IN, ttl: 0, rdata: Buffer.alloc(65_000) };
  expect(() => encodeMessage({ ...message, answers: [record, record] })).toThrow(WireError);
  expect(() => encodeMessage({ ...message, questions: [{ name: 'a..b', type: 6, class: 1 }] })).toThrow(WireError);
});

test('any octets, and any change of a real message, are read or refused', () => {
  const read = (bytes: Buffer) => {
    try {
      decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => read(Buffer.from(bytes))),
    { numRuns: 3_000 },
  );
  const whole = VECTORS.flatMap(({ update, answer }) => [Buffer.from(update, 'hex'), Buffer.from(answer, 'hex')]);
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
      fc.nat(400),
      (one, changes, cut) => {
        const bytes = Buffer.from(one);
        for (const [at, to] of changes) bytes[at % bytes.length] = to;
        read(bytes);
        read(bytes.subarray(0, cut));
      },
    ),
    { numRuns: 5_000 },
  );
});
