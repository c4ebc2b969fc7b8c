import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SyslogCutter } from '../../../services/collector/intake/framing.ts';

const cut = (octets: string | Buffer, size = 1_000_000, most = 100) => {
  const cutter = new SyslogCutter(most);
  const bytes = Buffer.from(octets);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...cutter.push(bytes.subarray(at, at + size)));
  return [...found, ...cutter.end()];
};

describe('messages of a syslog connection (RFC 6587)', () => {
  test.each<[string, string, string[]]>([
    ['counted', '5 <1>ab4 <2>c', ['<1>ab', '<2>c']],
    ['counted, with line ends inside', '7 <1>a\nbc4 <2>c', ['<1>a\nbc', '<2>c']],
    ['lines', '<1>a\n<2>b\r\n\n<3>c', ['<1>a', '<2>b', '<3>c']],
    ['ended by NUL', '<1>a\0<2>b\0', ['<1>a', '<2>b']],
    ['counted with a line end after each, as some send', '4 <1>a\n4 <2>b\n', ['<1>a', '<2>b']],
    ['digits that are no length', '2026-11-27 a\n<2>b\n', ['2026-11-27 a', '<2>b']],
    ['a length that is too long', '123456789012 a\n<2>b\n', ['123456789012 a', '<2>b']],
    ['blanks and ends before a message', ' \r\0 <1>a\n  \r<2>b\r\0', ['<1>a', '<2>b']],
    ['a NUL before a line end', '<1>a\0<2>b\n<3>c\0', ['<1>a', '<2>b', '<3>c']],
    ['a length of one', '1 a2 bc', ['a', 'bc']],
    ['a length that begins with zero', '0 a\n4 <1>b', ['0 a', '<1>b']],
    ['a length with a colon', '12:34 a\n', ['12:34 a']],
    ['a length of eight digits, which breaks off', '12345678 a\n', []],
    ['one of nine', '123456789 a\n', ['123456789 a']],
    ['letters without a mark', 'a b\nc', ['a b', 'c']],
    ['a message of line ends alone', '3 \n\r\n4 <1>a', ['<1>a']],
    ['a message that breaks off', '9 <1>a', []],
    ['nothing', '', []],
  ])('%s', (_, octets, messages) => {
    for (const size of [1, 2, 3, 1_000]) expect(cut(octets, size)).toEqual(messages);
  });

  test('of a long message the begin is kept, and the next one is whole', () => {
    expect(cut(`${'x'.repeat(5_000)}\n<1>b\n`)).toEqual(['x'.repeat(100), '<1>b']);
    expect(cut(`5000 ${'x'.repeat(5_000)}4 <1>b`)).toEqual(['x'.repeat(100), '<1>b']);
  });

  test.each([1, 3, 1_000])('of each message as much is kept, in pieces of %i', (size) => {
    expect(cut('abcdefgh\nijklm\nnopqrst\n8 abcdefgh', size, 5)).toEqual(['abcde', 'ijklm', 'nopqr', 'abcde']);
  });

  test('any octets, in any pieces, are cut in the same way, and nothing grows beyond its limit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (octets, size) => {
        const whole = cut(Buffer.from(octets), 1_000, 40);
        expect(cut(Buffer.from(octets), size, 40)).toEqual(whole);
        for (const message of whole) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(40 * 3);
      }),
    );
  });
});
