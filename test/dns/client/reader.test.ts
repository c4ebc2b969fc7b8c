import { describe, expect, test } from 'vitest';
import { Reader, TYPE_NAMES, WireError } from '../../../services/dns/client/reader.ts';
import type { RecordType } from '../../../services/dns/client/types.ts';

const of = (octets: readonly number[], at = 0) => new Reader(Buffer.from(octets), at);
const label = (text: string) => [text.length, ...Buffer.from(text, 'latin1')];

describe('numbers and octets', () => {
  test('are read one behind the other, up to the last', () => {
    const reader = of([1, 2, 3, 0xff, 0xff, 0xff, 0xff, 9, 8]);
    expect([reader.uint8(), reader.uint16(), reader.uint32(), [...reader.octets(2)], reader.at]).toEqual([
      1,
      0x0203,
      0xffff_ffff,
      [9, 8],
      9,
    ]);
    expect([...of([1, 2], 2).octets(0)]).toEqual([]);
  });
  test.each([
    ['uint8', []],
    ['uint16', [1]],
    ['uint32', [1, 2, 3]],
  ] as const)('%s behind the end is refused', (what, octets) => {
    const reader = of(octets);
    expect(() => reader[what]()).toThrow(WireError);
    expect(reader.at).toBe(0);
  });
});

describe('a name', () => {
  const example = [...label('example'), 0];
  test.each<[string, number[], number, string, number]>([
    ['of labels', [...label('a'), ...example], 0, 'a.example', 11],
    ['that is the root', [0], 0, '.', 1],
    ['that is a pointer', [...example, 0xc0, 0], 9, 'example', 11],
    ['with a pointer at its end', [...example, ...label('b'), 0xc0, 0], 9, 'b.example', 13],
    ['with a pointer to a pointer', [...example, ...label('b'), 0xc0, 0, ...label('c'), 0xc0, 9], 13, 'c.b.example', 17],
    ['with a label of 63 octets', [...label('x'.repeat(63)), 0], 0, 'x'.repeat(63), 65],
  ])('%s', (_, octets, at, name, end) => {
    const reader = of(octets, at);
    expect([reader.name(), reader.at]).toEqual([name, end]);
  });
  test('with a pointer above 255', () => {
    const octets = [...Array<number>(300).fill(0), ...example];
    expect(of([...octets, 0xc1, 300 - 256], octets.length).name()).toBe('example');
  });
  test.each<[string, number[], number, string]>([
    ['without an end', label('a'), 0, 'a name leaves the message'],
    ['whose label leaves the message', [5, 97], 0, 'a name leaves the message'],
    ['with half a pointer', [0xc0], 0, 'a name leaves the message'],
    ['that points at itself', [0xc0, 0], 0, 'a name points where none can be'],
    ['that points forwards', [0xc0, 2, 0], 0, 'a name points where none can be'],
    ['of labels of an unknown kind', [0x40, 0], 0, 'a label of an unknown kind'],
    ['of labels of another', [0xbf, 0], 0, 'a label of an unknown kind'],
    ['that is too long', [...Array.from({ length: 128 }, () => label('a')).flat(), 0], 0, 'a name is too long'],
  ])('%s is refused', (_, octets, at, why) => {
    expect(() => of(octets, at).name()).toThrow(new WireError(why));
  });
  test('may jump 64 times', () => {
    // A root, and pointers that each lead to the one before.
    const chain = (jumps: number) => [0, ...Array.from({ length: jumps }, (_, i) => [0xc0, i === 0 ? 0 : 2 * i - 1]).flat()];
    expect(of(chain(64), 2 * 64 - 1).name()).toBe('.');
    expect(() => of(chain(65), 2 * 65 - 1).name()).toThrow('a name points where none can be');
  });
});

describe('a record', () => {
  const head = (length: number, rest: number[] = []) => [...label('a'), 0, 0, 16, 0, 1, 0, 0, 14, 16, 0, length, ...rest];
  test('begins with its name, type, class, TTL and where its data ends', () => {
    expect(of(head(2, [1, 97])).recordHead()).toEqual({ name: 'a', type: 16, class: 1, ttl: 3600, end: 15 });
    expect(of(head(0)).recordHead().end).toBe(13);
    expect(() => of(head(3, [1, 97])).recordHead()).toThrow('a record leaves the message');
  });

  const soa = [...label('NS'), 0, ...label('Admin'), 0, ...[1, 2, 3, 4, 5].flatMap((n) => [0, 0, 0, n])];
  test.each<[RecordType, number[], unknown]>([
    ['A', [192, 0, 2, 1], '192.0.2.1'],
    ['NS', [...label('NS1'), 0], 'ns1'],
    ['CNAME', [...label('Www'), 0], 'www'],
    ['PTR', [...label('Host'), 0], 'host'],
    ['MX', [0, 10, ...label('MX'), 0], { preference: 10, exchange: 'mx' }],
    ['SOA', soa, { mname: 'ns', rname: 'admin', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 }],
    ['TXT', [...label('One'), ...label('two')], ['One', 'two']],
    ['TXT', [0], ['']],
    ['TXT', [], []],
    ['DNSKEY', [1, 1, 3, 8, 7, 7], { flags: 257, protocol: 3, algorithm: 8, key: Uint8Array.from([7, 7]) }],
    ['TLSA', [3, 1, 1, 9], { usage: 3, selector: 1, matching: 1, data: Uint8Array.from([9]) }],
    ['TLSA', [3, 1, 1], { usage: 3, selector: 1, matching: 1, data: new Uint8Array() }],
  ])('of type %s with %j', (type, octets, data) => {
    expect(of(octets).data(type, octets.length)).toEqual(data);
    const longer = new RegExp(`^the data of a ${type} record has another length than it says$`);
    // One octet more than the data has, or less than it says.
    if (!['TXT', 'DNSKEY', 'TLSA'].includes(type)) expect(() => of([...octets, 0]).data(type, octets.length + 1)).toThrow(longer);
    if (octets.length > 1 && type !== 'DNSKEY' && type !== 'TLSA')
      expect(() => of(octets).data(type, octets.length - 1)).toThrow(longer);
  });

  test('what remains of it is a copy', () => {
    const bytes = Buffer.from([1, 2, 3]);
    const rest = new Reader(bytes, 1).rest(3);
    bytes.fill(9);
    expect([...rest]).toEqual([2, 3]);
    expect([...new Reader(bytes, 2).rest(1)]).toEqual([]);
  });

  test.each([
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    // The longest run of zeros, of two the first, and a single one is written out (RFC 5952 section 4.2).
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7:abcd', '1:2:3:4:5:6:7:abcd'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
  ])('the address %s is %s', (groups, text) => {
    const octets = groups.split(':').flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
    expect(of(octets).data('AAAA', 16)).toBe(text);
  });
});

test('types by their numbers (RFC 1035 section 3.2.2 and others)', () => {
  const numbers = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, DNSKEY: 48, TLSA: 52 };
  expect(Object.fromEntries([...TYPE_NAMES].map(([number, name]) => [name, number]))).toMatchObject(numbers);
});
