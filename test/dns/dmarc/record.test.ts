import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDmarc, parseDmarc, parseReportUri } from '../../../services/dns/dmarc/record.ts';

test('all tags of RFC 9989 are read', () => {
  const text =
    'v=DMARC1; p=Reject; sp=quarantine;np=none ; adkim=s; aspf=S; t=y; psd=n; fo=d:s; rua=mailto:a@example.com, mailto:b%2Cc@EXAMPLE.net.; ruf=mailto:f@example.com;';
  expect(parseDmarc(text)).toEqual({
    text,
    p: 'reject',
    sp: 'quarantine',
    np: 'none',
    adkim: 's',
    aspf: 's',
    testing: true,
    psd: 'n',
    fo: ['d', 's'],
    rua: [
      { text: 'mailto:a@example.com', scheme: 'mailto', address: 'a@example.com', domain: 'example.com', maxBytes: null },
      { text: 'mailto:b%2Cc@EXAMPLE.net.', scheme: 'mailto', address: 'b,c@example.net', domain: 'example.net', maxBytes: null },
    ],
    ruf: [{ text: 'mailto:f@example.com', scheme: 'mailto', address: 'f@example.com', domain: 'example.com', maxBytes: null }],
    historic: {},
    policyInvalid: false,
    problems: [],
  });
});

test.each([
  ['v=DMARC1', true],
  ['v = DMARC1 ; p=none', true],
  ['v=DMARC1;', true],
  ['v=dmarc1; p=none', false],
  ['v=DMARC10; p=none', false],
  [' v=DMARC1; p=none', false],
  ['p=none; v=DMARC1', false],
  ['v=DMARC1 p=none', false],
  ['', false],
])('%j is a DMARC record: %s', (text, is) => {
  expect(isDmarc(text)).toBe(is);
  expect(parseDmarc(text) !== null).toBe(is);
});

test.each([
  ['v=DMARC1; p=none; pct=0; rf=afrf; ri=86400', ['dmarc_tag_historic pct', 'dmarc_tag_historic rf', 'dmarc_tag_historic ri']],
  ['v=DMARC1; p=none; p=reject', ['dmarc_tag_twice p']],
  ['v=DMARC1; p=none; hello', ['dmarc_syntax null']],
  ['v=DMARC1; p=none; x-y=1', ['dmarc_syntax null']],
  ['v=DMARC1; p=none; zz=1', ['dmarc_tag_unknown zz']],
  ['v=DMARC1; p=rejct; sp=never', ['dmarc_value p', 'dmarc_value sp']],
  ['v=DMARC1; sp=reject', ['dmarc_no_p p']],
  ['v=DMARC1; p=none; t=yes; psd=x; adkim=z', ['dmarc_value adkim', 'dmarc_value t', 'dmarc_value psd']],
  ['v=DMARC1; p=none; rua=a@example.com', ['dmarc_uri rua']],
  ['v=DMARC1; p=none; rua=mailto:a@example.com!10m', ['dmarc_size_historic rua']],
  ['v=DMARC1; p=none; rua=mailto:a@example.com mailto:b@example.com', ['dmarc_uri rua']],
  ['v=DMARC1; p=none; fo=1', ['dmarc_fo_without_ruf fo']],
  ['v=DMARC1; p=none; ruf=mailto:a@example.com; fo=2', ['dmarc_value fo']],
])('%s', (text, problems) => {
  expect(parseDmarc(text)!.problems.map(({ code, tag }) => `${code} ${tag}`)).toEqual(problems);
});

test('a problem names its place', () => {
  const text = 'v=DMARC1; p=none;  pct=50';
  const [problem] = parseDmarc(text)!.problems;
  expect(problem).toMatchObject({ at: text.indexOf('pct'), text: 'pct=50' });
});

test('of tags that stand twice the first counts, and wrong values count as absent', () => {
  expect(parseDmarc('v=DMARC1; p=none; p=reject')).toMatchObject({ p: 'none', policyInvalid: false });
  expect(parseDmarc('v=DMARC1; p=never')).toMatchObject({ p: null, policyInvalid: true });
  expect(parseDmarc('v=DMARC1; p=none; sp=never')).toMatchObject({ sp: null, policyInvalid: true });
});

test.each([
  ['mailto:a@example.com!10m', { address: 'a@example.com', maxBytes: 10_485_760 }],
  ['mailto:a@example.com!500', { address: 'a@example.com', maxBytes: 500 }],
  ['MAILTO:A@Example.COM?subject=x', { scheme: 'mailto', address: 'A@example.com' }],
  ['https://Reports.example.com/in', { scheme: 'https', address: null, domain: 'reports.example.com' }],
  // No host is behind a third slash, nor in what is no URL.
  ['https:///example.com/in', { scheme: 'https', address: null, domain: null }],
  ['https://[x/in', { scheme: 'https', address: null, domain: null }],
  ['mailto:a%40example.com', null],
  ['mailto:a/b@example.com', null],
  ['mailto:a%2Fb@example.com', { address: 'a/b@example.com' }],
  ['mailto:a@exa mple.com', null],
  ['mailto:a', null],
  ['mailto:a%ZZ@example.com', null],
  ['mailto:a!b@example.com', null],
  ['mailto:a@-example.com', null],
  ['', null],
])('%s', (text, uri) => {
  if (uri === null) expect(parseReportUri(text)).toBeNull();
  else expect(parseReportUri(text)).toMatchObject(uri);
});

test('any text is read, or is none', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('p=none', 'rua=mailto:a@b.example!1g', ' ; ', 'sp', '=', 'pct=5', 'fo=1:d:'),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = `v=DMARC1;${parts.join(';')}`;
      const record = parseDmarc(text);
      for (const { at, text: part } of record?.problems ?? [])
        expect(part.includes(',') || text.includes(part) || at === 0).toBe(true);
    }),
  );
});
