import { expect, test } from 'vitest';
import {
  allOf,
  canonicalNetwork,
  forbiddenIn,
  isThere,
  normalTerm,
  sendingTerms,
  termsIn,
} from '../../../services/dns/guard/spf-terms.ts';
import { parseSpf } from '../../../services/dns/spf/record.ts';
import { spfTree } from '../../../services/dns/spf/tree.ts';
import { dnsOf } from '../zone.ts';

const treeOf = async (records: Record<string, string>) =>
  termsIn(
    await spfTree(
      'example.com',
      dnsOf(Object.fromEntries(Object.entries(records).map(([name, text]) => [name, { TXT: [[text]] }]))),
    ),
  );

test.each([
  ['IP4:192.0.2.1', 'ip4:192.0.2.1/32'],
  ['+ip4:192.0.2.77/24', 'ip4:192.0.2.0/24'],
  ['ip6:2001:DB8:0:0::1', 'ip6:2001:db8::1'],
  ['ip6:2001:db8::ffff/32', 'ip6:2001:db8::/32'],
  ['ip6:::ffff:192.0.2.1', 'ip6:::ffff:c000:201'],
  ['mx', 'mx:example.com'],
  ['a/24//64', 'a:EXAMPLE.com/24//64'],
  ['Include:_SPF.Example.NET.', 'include:_spf.example.net'],
  ['redirect=_spf.Example.net', 'redirect=_spf.example.net'],
  ['redirect=_spf.example.net.', 'redirect=_spf.example.net'],
  ['EXP=a.example', 'exp=a.example'],
])('%s and %s are one term', (a, b) => {
  expect(normalTerm(a, 'example.com')).toBe(normalTerm(b, 'example.com'));
});

test.each([
  ['ip4:192.0.2.0/24', 'ip4:192.0.2.0/25'],
  ['redirect=a.example', 'redirect=b.example'],
  ['redirect=%{D}.example', 'redirect=%{d}.example'],
  ['a', 'mx'],
  ['a', 'a/24'],
  ['-ip4:192.0.2.1', 'ip4:192.0.2.1'],
  ['exists:%{i}.example.net', 'exists:%{I}.example.net'],
])('%s and %s are two', (a, b) => {
  expect(normalTerm(a, 'example.com')).not.toBe(normalTerm(b, 'example.com'));
});

test('networks lose their host bits', () => {
  expect(canonicalNetwork('203.0.113.255', 25)).toBe('203.0.113.128/25');
  expect(canonicalNetwork('0.0.0.0', 0)).toBe('0.0.0.0/0');
  expect(canonicalNetwork('2001:db8:ffff::1', 33)).toBe('2001:db8:8000::/33');
  expect(canonicalNetwork('::', 128)).toBe('::');
});

test('terms are those up to "all", which may be the first', async () => {
  const texts = async (text: string) => (await treeOf({ 'example.com': text })).map((term) => [term.text, term.sends]);
  expect(await texts('v=spf1 -all mx')).toEqual([['-all', false]]);
  expect(await texts('v=spf1 mx ?a +all ip4:192.0.2.1')).toEqual([
    ['mx', true],
    ['?a', false],
    ['+all', true],
  ]);
  expect(await texts('v=spf1 ip4:192.0.2.1')).toEqual([['ip4:192.0.2.1', true]]);
});

test('what stands behind "all" lets nobody send, nor does a redirect beside it', () => {
  const terms = (text: string) => sendingTerms(parseSpf(text), 'example.com').map(({ normal }) => normal);
  expect(terms('v=spf1 ip4:192.0.2.1 ?include:a.example -ip4:192.0.2.2 -all mx redirect=b.example')).toEqual(['ip4:192.0.2.1']);
  expect(terms('v=spf1 mx redirect=b.example')).toEqual(['mx:example.com', 'redirect=b.example']);
  expect(terms('v=spf1 +all')).toEqual(['all']);
  expect(allOf(parseSpf('v=spf1 mx'))).toBe('?all');
  expect(allOf(parseSpf('v=spf1 redirect=b.example'))).toBeNull();
  expect(allOf(parseSpf('v=spf1 ALL'))).toBe('+all');
});

test('a wanted term may be in an included record, a network in a larger one', async () => {
  const terms = await treeOf({
    'example.com': 'v=spf1 include:a.example ?include:c.example ip6:2001:db8::/32 ~all',
    'a.example': 'v=spf1 ip4:192.0.2.0/24 include:b.example mx -all',
    'b.example': 'v=spf1 ip4:198.51.100.1 -all',
    'c.example': 'v=spf1 ip4:203.0.113.1 -all',
  });
  for (const wanted of [
    'include:b.example',
    'ip4:192.0.2.9',
    'ip4:198.51.100.1',
    'ip4:192.0.2.0/28',
    'ip6:2001:db8:1::/48',
    'mx:a.example',
  ])
    expect(isThere(wanted, 'example.com', terms), wanted).toBe(true);
  for (const wanted of ['ip4:192.0.0.0/16', 'ip4:203.0.113.1', 'include:c.example', 'mx', 'ip6:2001:db9::1', 'a:a.example'])
    expect(isThere(wanted, 'example.com', terms), wanted).toBe(false);
});

test('a forbidden term is found wherever it is, the bare name of a mechanism in all its terms', async () => {
  const terms = await treeOf({
    'example.com': 'v=spf1 include:a.example ptr:x.example -all',
    'a.example': 'v=spf1 +all',
  });
  expect(forbiddenIn('ptr', 'example.com', terms).map(({ text }) => text)).toEqual(['ptr:x.example']);
  expect(forbiddenIn('+all', 'example.com', terms)).toMatchObject([{ domain: 'a.example' }]);
  expect(forbiddenIn('include', 'example.com', terms)).toHaveLength(1);
  expect(forbiddenIn('?include', 'example.com', terms)).toHaveLength(0);
  expect(forbiddenIn('include:a.example', 'example.com', terms)).toHaveLength(1);
  expect(forbiddenIn('a', 'example.com', terms)).toHaveLength(0);
  expect(forbiddenIn('exists', 'example.com', terms)).toHaveLength(0);
});
