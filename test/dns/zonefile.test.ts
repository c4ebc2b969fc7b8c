import { expect, test } from 'vitest';
import { parseZoneFile, stringsOf, ZoneFileError } from '../../services/dns/zonefile.ts';

const read = (text: string, origin: string | null = null) => Object.fromEntries(parseZoneFile(text, origin));

test('records with an origin, a TTL, a class, comments and parentheses', () => {
  const zone = `$ORIGIN Example.com.
$TTL 1h
@ IN SOA ns hostmaster ( 1 2 3
  4 5 ) ; the serial and so on
@        3600 IN MX 10 mail
         MX 20 mx.example.net.
mail     A 192.0.2.1
         AAAA 2001:DB8::1
www      CNAME @
sel._domainkey TXT ( "v=DKIM1; p=" ; the key
                     "abc" )
`;
  expect(read(zone)).toEqual({
    'example.com': {
      MX: [
        { preference: 10, exchange: 'mail.example.com' },
        { preference: 20, exchange: 'mx.example.net' },
      ],
    },
    'mail.example.com': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
    'www.example.com': { CNAME: ['example.com'] },
    'sel._domainkey.example.com': { TXT: [['v=DKIM1; p=', 'abc']] },
  });
});

test('without an origin, names stand for themselves; the null MX is the root', () => {
  expect(read('example.com MX 0 .')).toEqual({ 'example.com': { MX: [{ preference: 0, exchange: '.' }] } });
  expect(read('a TXT x', 'Example.com.')).toEqual({ 'a.example.com': { TXT: [['x']] } });
});

test('what nobody evaluates, and what stands twice', () => {
  // RFC 7208 section 3.1, RFC 2181 section 5.
  expect(
    read('a.example SPF "v=spf1 -all"\na.example TXT "x"\na.example 60 TXT "x"\na.example MX 1 b.\na.example MX 1 b.'),
  ).toEqual({
    'a.example': { TXT: [['x']], MX: [{ preference: 1, exchange: 'b' }] },
  });
  expect(() => read('a.example TYPE16 \\# 4 03616263')).toThrow('TYPE16 is the unknown form (RFC 3597) of a type that is known');
});

test('escapes are octets, and what is not ASCII is UTF-8', () => {
  expect(read('a.example TXT "a\\"b\\\\c\\200é;()"')).toEqual({ 'a.example': { TXT: [['a"b\\c\xc8\xc3\xa9;()']] } });
});

test('strings without quotes have escapes, too', () => {
  expect(read('a.example TXT v=spf1\\032ip4:192.0.2.1\\032-all')).toEqual({
    'a.example': { TXT: [['v=spf1 ip4:192.0.2.1 -all']] },
  });
  expect(read('a.example TXT v=DMARC1\\;\\032p=none')).toEqual({ 'a.example': { TXT: [['v=DMARC1; p=none']] } });
});

test('TTL of several units; types that no check needs, registered ones and those of hosters, are passed over', () => {
  const zone = `$ORIGIN example.com.
@ 1h30m IN TXT "a"
@ IN 1W2D TXT "b"
@ ZONEMD 2018031900 1 1 c68090d9
@ RP admin.example.com. .
@ AFSDB 1 afs
@ ALIAS other.example.
old CERT 1 0 0 AQID
@ TYPE65280 \\# 1 00
`;
  expect(read(zone)).toEqual({ 'example.com': { TXT: [['a'], ['b']] } });
});

test.each([
  ['a.example A 192.0.2.300', 1, 'no IPv4'],
  ['a.example AAAA 192.0.2.1', 1, 'no IPv6'],
  ['a.example MX mail', 1, 'an MX record is'],
  ['a.example MX 10 a b', 1, 'an MX record is'],
  ['a.example TXT', 1, 'has no text'],
  [`a.example TXT "${'x'.repeat(256)}"`, 1, '256 octets'],
  ['a.example CNAME b c', 1, 'is one name'],
  ['\na.example TEXT x', 2, 'no type of records'],
  ['a.example', 1, 'has no type'],
  [' A 192.0.2.1', 1, 'has no name'],
  ['a..example A 192.0.2.1', 1, 'is no name'],
  ['$INCLUDE other', 1, 'is not read'],
  ['a.example TXT "x', 1, 'does not end'],
  ['a.example TXT ( x', 1, 'not closed'],
  ['\n\na.example TXT ( x\ny', 3, 'not closed'],
  ['\n(', 1, 'not closed'],
  ['a.example TXT x )', 1, 'not opened'],
])('%j: line %i, %s', (text, line, message) => {
  try {
    parseZoneFile(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ZoneFileError);
    expect(error).toMatchObject({ line, message: expect.stringContaining(message) });
    return;
  }
  expect.unreachable();
});

test('long texts are cut into strings', () => {
  expect(stringsOf('').length).toBe(1);
  expect(stringsOf('x'.repeat(600)).map((one) => one.length)).toEqual([255, 255, 90]);
});
