import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Reader, WireError } from '../../../services/dns/client/reader.ts';
import type { RecordData, RecordType } from '../../../services/dns/client/types.ts';
import { canonicalName, rdataOf, Writer } from '../../../services/dns/wire/writer.ts';

/** Reads what was written. */
function again<T extends RecordType>(type: T, data: RecordData[T]): RecordData[T] {
  const bytes = rdataOf(type, data);
  return new Reader(bytes, 0).data(type, bytes.length);
}

test.each<{ [T in RecordType]: [T, RecordData[T]] }[RecordType]>([
  ['A', '192.0.2.1'],
  ['AAAA', '2001:db8::1'],
  ['AAAA', '::'],
  ['AAAA', '1:2:3:4:5:6:7:8'],
  ['NS', 'ns.example'],
  ['CNAME', 'a\\.b.example'],
  ['PTR', '.'],
  ['MX', { preference: 65_535, exchange: 'mx.example' }],
  ['SOA', { mname: 'ns.example', rname: 'a.example', serial: 4_294_967_295, refresh: 1, retry: 2, expire: 3, minimum: 4 }],
  ['TXT', ['', 'a'.repeat(255), '\0\xff"\\']],
  ['DNSKEY', { flags: 257, protocol: 3, algorithm: 13, key: Uint8Array.of(1, 2, 3) }],
  ['TLSA', { usage: 3, selector: 1, matching: 1, data: Uint8Array.of(255) }],
])('a %s record is read as it was written: %j', (type, data) => {
  expect(again(type, data as never)).toEqual(data);
});

test('an IPv6 address in any of its texts', () => {
  expect(again('AAAA', '2001:DB8:0:0::192.0.2.33')).toBe('2001:db8::c000:221');
  expect(again('AAAA', '::ffff:1.2.3.4')).toBe('::ffff:102:304');
  expect(again('AAAA', 'fe80::')).toBe('fe80::');
});

test.each<[RecordType, unknown]>([
  ['A', '192.0.2.256'],
  ['A', '::1'],
  ['AAAA', '1.2.3.4'],
  ['AAAA', 'fe80::1%eth0'],
  ['NS', 'a..b'],
  ['CNAME', `${'a'.repeat(64)}.example`],
  ['MX', { preference: 65_536, exchange: 'a' }],
  ['MX', { preference: 1.5, exchange: 'a' }],
  ['TXT', []],
  ['TXT', ['a'.repeat(256)]],
  ['TXT', ['€']],
])('a %s record cannot hold %j', (type, data) => {
  expect(() => rdataOf(type, data as never)).toThrow(WireError);
});

test('any strings of octets come back', () => {
  const string = fc.uint8Array({ maxLength: 255 }).map((octets) => Buffer.from(octets).toString('latin1'));
  fc.assert(
    fc.property(fc.array(string, { minLength: 1, maxLength: 5 }), (strings) => {
      expect(again('TXT', strings)).toEqual(strings);
    }),
  );
});

test('names keep their letters; the canonical form has them in lower case', () => {
  expect(new Writer().name('Ab.C').bytes().toString('latin1')).toBe('\x02Ab\x01C\0');
  expect(canonicalName('Ab.C.').toString('latin1')).toBe('\x02ab\x01c\0');
  expect(canonicalName('.')).toEqual(Buffer.of(0));
});

test('numbers must fit', () => {
  expect(() => new Writer().uint(256, 1)).toThrow(WireError);
  expect(() => new Writer().uint(-1, 2)).toThrow(WireError);
  expect(new Writer().uint(2 ** 48 - 1, 6).bytes()).toEqual(Buffer.alloc(6, 255));
});
