import { expect, test } from 'vitest';
import { isSpf, parseSpf } from '../../../services/dns/spf/record.ts';

const read = (terms: string) => parseSpf(`v=spf1 ${terms}`);
const errors = (terms: string) => read(terms).errors.map(({ text }) => text);

test('a record is known by its version', () => {
  expect(['v=spf1', 'V=SPF1 -all', 'v=spf1 '].map(isSpf)).toEqual([true, true, true]);
  expect(['v=spf10', 'v=spf1;-all', ' v=spf1', 'v=spf2.0/pra'].map(isSpf)).toEqual([false, false, false, false]);
});

test('mechanisms in their order, with qualifiers, domains and prefix lengths', () => {
  const { mechanisms, errors } = read(
    'ip4:192.0.2.0/24 ~ip6:2001:db8::/32 a mx/24//64 a:mail.example.com/28 ?ptr include:_spf.example.com -ALL',
  );
  expect(errors).toEqual([]);
  expect(mechanisms.map(({ kind, qualifier }) => `${qualifier}${kind}`)).toEqual([
    '+ip4',
    '~ip6',
    '+a',
    '+mx',
    '+a',
    '?ptr',
    '+include',
    '-all',
  ]);
  expect(mechanisms[0]).toMatchObject({ address: '192.0.2.0', prefix4: 24 });
  expect(mechanisms[1]).toMatchObject({ address: '2001:db8::', prefix6: 32 });
  expect(mechanisms[2]).toMatchObject({ domain: null, prefix4: 32, prefix6: 128 });
  expect(mechanisms[3]).toMatchObject({ prefix4: 24, prefix6: 64 });
  expect(mechanisms[4]).toMatchObject({ domainText: 'mail.example.com', prefix4: 28 });
});

test('terms have their place in the text, blanks are all that separates them', () => {
  const text = 'v=spf1  a   -all';
  for (const { at, text: term } of parseSpf(text).mechanisms) expect(text.slice(at, at + term.length)).toBe(term);
});

test('modifiers: redirect and exp once each, others are kept', () => {
  const record = read('redirect=_spf.example.com exp=why.example.com x-y=%{d}');
  expect(record).toMatchObject({
    redirect: { valueText: '_spf.example.com' },
    exp: { name: 'exp' },
    others: [{ name: 'x-y' }],
    errors: [],
  });
  expect(errors('redirect=a.example redirect=b.example')).toEqual(['redirect=b.example']);
});

test.each([
  'all:x',
  'include',
  'include:',
  'include:localhost',
  'exists/24',
  'ptr/24',
  'ip4',
  'ip4:192.0.2',
  'ip4:192.0.2.01',
  'ip4:192.0.2.0/33',
  'ip4:192.0.2.0/024',
  'ip4:2001:db8::1',
  'ip6:192.0.2.1',
  'ip6:fe80::1%eth0',
  'ip6:2001:db8::/129',
  'a/33',
  'mx//129',
  'a/24/64',
  'a:b.example/x',
  'unknown',
  'ip4:192.0.2.1,ip4:192.0.2.2',
  '+-all',
  'a:%{x}.example',
  'redirect=',
  '=x',
])('"%s" is an error', (term) => {
  expect(errors(`${term} -all`)).toEqual([term]);
});
