import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readRecords } from '../../services/cli/records-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'records-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string, name = 'planned.yaml', origin: string | null = null) {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return Object.fromEntries(readRecords(file, origin));
}

test('YAML: names, types in any case, one value or a list, an empty list for none', () => {
  expect(
    read(`Example.COM.:
  txt: v=spf1 -all
  MX: ["10 MX.example.net.", "0 ."]
  NS: ns1.example.net
  A: []
_dmarc.example.com: { TXT: ["v=DMARC1; p=none"] }
www.example.com: { CNAME: example.com. }
mail.example.com: { AAAA: 2001:DB8::1 }
`),
  ).toEqual({
    'example.com': {
      TXT: [['v=spf1 -all']],
      MX: [
        { preference: 10, exchange: 'mx.example.net' },
        { preference: 0, exchange: '.' },
      ],
      NS: ['ns1.example.net'],
      A: [],
    },
    '_dmarc.example.com': { TXT: [['v=DMARC1; p=none']] },
    'www.example.com': { CNAME: ['example.com'] },
    'mail.example.com': { AAAA: ['2001:db8::1'] },
  });
});

test('YAML: what is no name by itself is below the domain that is checked', () => {
  const text =
    '"@": { TXT: a }\n_dmarc: { TXT: b }\ns1._domainkey: { TXT: c }\nwww: { A: 192.0.2.1 }\n_spf.other.example: { TXT: d }\n';
  expect(Object.keys(read(text, 'planned.yaml', 'example.com'))).toEqual([
    'example.com',
    '_dmarc.example.com',
    's1._domainkey.example.com',
    'www.example.com',
    '_spf.other.example',
  ]);
  expect(() => read('_dmarc: { TXT: b }')).toThrow(/"_dmarc" must be a whole name/);
});

test('YAML: the strings of one TXT record are a list in the list; a long text is cut at 255 octets', () => {
  const long = 'x'.repeat(300);
  expect(read(`a.example: { TXT: [["v=DKIM1; p=", "abc"], "other", "é", "${long}"] }`)).toEqual({
    'a.example': { TXT: [['v=DKIM1; p=', 'abc'], ['other'], ['\xc3\xa9'], [long.slice(0, 255), long.slice(255)]] },
  });
});

test.each([
  ['- a', 'it must hold names'],
  ['a.example: TXT', 'must be a name with types'],
  ['a.example: { SRV: x }', 'must be one of TXT'],
  ['a.example: { TXT: { value: x } }', 'must be a text or a list of texts'],
  ['a.example: { TXT: [null] }', 'must be a text or a list of texts'],
  ['a.example: { MX: mail }', 'must be a number and a name'],
  ['a.example: { MX: [["10 a", "20 b"]] }', 'must be a text or a list of texts'],
  ['a.example: { A: 2001:db8::1 }', 'must be an address'],
  ['a.example: { CNAME: a..b }', 'must be a name'],
  [`a.example: { TXT: [["${'x'.repeat(256)}", "y"]] }`, '256 octets'],
  ['a: [', 'planned.yaml'],
])('%j is refused with what is wrong', (text, message) => {
  expect(() => read(text)).toThrow(message);
});

test('any other file is a zone file, and its line is named; a missing one says so', () => {
  expect(read('@ TXT "v=spf1 -all"', 'planned.zone', 'example.com')).toEqual({ 'example.com': { TXT: [['v=spf1 -all']] } });
  expect(() => read('\n@ FOO x', 'planned.zone', 'example.com')).toThrow(/planned\.zone, line 2: "FOO" is no type/);
  expect(() => readRecords(path.join(folder, 'none.yaml'), null)).toThrow(/none\.yaml cannot be read/);
});

test('an alias beside other records, which no name server loads', () => {
  const message = 'a.example has a CNAME record, and no name server loads TXT records beside it.';
  expect(() => read('a.example: { CNAME: b.example, TXT: x }')).toThrow(message);
  expect(() => read('a.example. CNAME b.example.\na.example. TXT x\n', 'planned.zone')).toThrow(message);
  expect(() => read('a.example: { CNAME: [b.example, c.example] }')).toThrow(
    'a.example has 2 CNAME records, and one is allowed.',
  );
  expect(read('a.example: { CNAME: [], TXT: x }')).toEqual({ 'a.example': { CNAME: [], TXT: [['x']] } });
});
