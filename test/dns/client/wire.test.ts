import { encode } from 'dns-packet';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import { labelsOf, nameOf } from '../../../services/dns/client/name.ts';
import { WireError } from '../../../services/dns/client/reader.ts';
import { readMessage } from '../../../services/dns/client/wire.ts';
import { startFake } from '../../helpers/dns.ts';

const question = { name: 'a.example', type: 'A' as const, class: 'IN' as const };
const whole = encode({
  type: 'response',
  id: 1,
  questions: [question],
  answers: [
    { name: 'a.example', type: 'CNAME', data: 'b.example', ttl: 60 },
    { name: 'b.example', type: 'TXT', data: ['one', 'two'], ttl: 60 },
    { name: 'b.example', type: 'MX', data: { preference: 1, exchange: 'mx.example' } },
    { name: 'b.example', type: 'AAAA', data: '2001:db8::1', ttl: 60 },
    { name: 'b.example', type: 'SRV', data: { port: 1, target: 'x.example' } },
  ],
});

/** Reads, or refuses in the one way there is. */
function read(bytes: Buffer): boolean {
  try {
    readMessage(bytes);
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

test.each([
  [0x8000, { response: true }],
  [0x7800, { opcode: 15 }],
  [0x0400, { authoritative: true }],
  [0x0200, { truncated: true }],
  [0x0080, { recursionAvailable: true }],
  [0x0020, { authenticated: true }],
  [0x000f, { rcode: 15 }],
  [0x0150, {}],
])('the flags %i of a header', (flags, set) => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(0x1234, 0);
  bytes.writeUInt16BE(flags, 2);
  const none = { response: false, opcode: 0, authoritative: false, truncated: false, recursionAvailable: false };
  expect(readMessage(bytes)).toEqual({
    ...none,
    id: 0x1234,
    authenticated: false,
    rcode: 0,
    extended: [],
    question: null,
    answers: [],
    authorities: [],
    ...set,
  });
});

test('any bytes are a message or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void read(Buffer.from(bytes))),
    { numRuns: 2_000 },
  );
});

test('a message with any octets changed or cut is a message or is refused', () => {
  expect(read(whole)).toBe(true);
  for (let length = 0; length < whole.length; length++) expect(read(whole.subarray(0, length)), `${length}`).toBe(false);
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, octet] of changes) bytes[at] = octet;
      read(bytes);
    }),
    { numRuns: 5_000 },
  );
});

test('compressed names cost bounded work', () => {
  // 4,000 records, each name a pointer to a chain of pointers as long as a message can hold.
  const head = Buffer.from([0, 1, 0x80, 0, 0, 0, 0x0f, 0xa0, 0, 0, 0, 0]);
  const chain = Buffer.alloc(2 * 8_000);
  for (let i = 1; i < 8_000; i++) chain.writeUInt16BE(0xc000 | (12 + 2 * (i - 1)), 2 * i);
  const record = Buffer.from([0xff, 0xfe, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]);
  const before = process.cpuUsage();
  expect(read(Buffer.concat([head, chain, ...Array.from({ length: 4_000 }, () => record)]))).toBe(false);
  expect(read(Buffer.concat([Buffer.from([0, 1, 0x80, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]), whole.subarray(12)]))).toBe(false);
  // CPU time, which does not depend on what else the machine does.
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(1_000);
});

test('a name that points at itself, forwards or in a circle is refused', () => {
  const bytes = (name: number[]) => Buffer.from([0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1]);
  expect(read(bytes([0xc0, 12]))).toBe(false);
  expect(read(bytes([0xc0, 14, 0]))).toBe(false);
  expect(read(bytes([1, 97, 0xc0, 12]))).toBe(false);
  expect(read(bytes([0x80, 0]))).toBe(false);
  expect(read(bytes([1, 97, 0]))).toBe(true);
});

test('names keep their labels apart, through text and back', () => {
  expect(nameOf(['a.b', 'c\\', '\x00 \xff'])).toBe('a\\.b.c\\\\.\\000\\032\\255');
  const label = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((octets) => Buffer.from(octets).toString('latin1'));
  fc.assert(
    fc.property(fc.array(label, { maxLength: 3 }), (labels) => {
      expect(labelsOf(nameOf(labels))).toEqual(labels);
    }),
  );
  for (const wrong of ['a..b', '.a', 'a\\', `${'x'.repeat(64)}.a`, Array(130).fill('a').join('.'), 'ä€.example', '\\999.a'])
    expect(labelsOf(wrong), wrong).toBeNull();
  expect(labelsOf('a.example.')).toEqual(['a', 'example']);
});

test('a server of random bytes never makes the client fail, or say that there is none', async () => {
  let seed = 1;
  const next = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed & 0xff;
  };
  const fake = await startFake(({ id, over }) => {
    const bytes = Buffer.from(Array.from({ length: next() }, next));
    if (over === 'udp' && bytes.length > 2) bytes.writeUInt16BE(id, 0);
    return [bytes, Buffer.from(Array.from({ length: next() }, next))];
  });
  const dns = createDnsClient({ servers: [{ address: '127.0.0.1', port: fake.port }], timeoutMs: 30, tries: 1 });
  const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => dns.ask(`n${i}.example`, 'TXT')));
  expect(new Set(answers.map(({ state }) => state))).toEqual(new Set(['unknown']));
  await fake.stop();
});

test('a name has 255 octets at most (RFC 1035 section 3.1)', () => {
  const labels = (last: number) => [63, 63, 63, last].flatMap((n) => [n, ...Buffer.alloc(n, 'a')]);
  const asked = (last: number) => Buffer.from([0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels(last), 0, 0, 1, 0, 1]);
  expect(read(asked(61))).toBe(true);
  expect(read(asked(62))).toBe(false);
});

test('a pointer of one octet, the last of a message, is refused, also where the octets before could be a name', () => {
  // An MX of a single octet of its name: with a second octet 0 it would point at the message's id, which is
  // the root.
  const head = [0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0];
  const record = (data: number[]) => Buffer.from([...head, 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
  expect(read(record([0]))).toBe(true);
  expect(read(record([0xc0, 0]))).toBe(true);
  expect(read(record([0xc0]))).toBe(false);
});

test('extended errors are read by their codes, and what is no whole option is none', () => {
  const withOptions = (options: Buffer) =>
    Buffer.concat([
      Buffer.from([0, 1, 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.length]),
      options,
    ]);
  const option = (code: number, ...data: number[]) => Buffer.from([0, code, 0, data.length, ...data]);
  const read = (...options: Buffer[]) => readMessage(withOptions(Buffer.concat(options))).extended;
  expect(read()).toEqual([]);
  expect(read(option(10, 1, 2, 3), option(15, 0, 7, 0x68, 0x69), option(15, 0, 22))).toEqual([7, 22]);
  expect(read(option(15, 7))).toEqual([]);
  expect(read(Buffer.from([0, 15, 0, 9, 0, 7]))).toEqual([]);
  expect(read(Buffer.from([0, 15, 0]))).toEqual([]);
});
