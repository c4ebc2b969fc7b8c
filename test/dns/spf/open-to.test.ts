import { expect, test } from 'vitest';
import { isWide, openTo } from '../../../services/dns/spf/open-to.ts';
import { dnsOf } from '../zone.ts';

const of = (text: string, more: Record<string, { TXT: string[][] }> = {}) =>
  openTo('example.com', dnsOf({ 'example.com': { TXT: [[text]] }, ...more }));

test.each([
  ['v=spf1 ip4:192.0.2.0/24 -all', 256, 0, false],
  ['v=spf1 ip4:10.0.0.0/10 -all', 2 ** 22, 0, false],
  ['v=spf1 ip4:10.0.0.0/9 -all', 2 ** 23, 0, true],
  ['v=spf1 ip6:2001:db8::/32 -all', 0, 2 ** -32, false],
  ['v=spf1 ip6:2000::/3 -all', 0, 2 ** -3, true],
  ['v=spf1 a/8 -all', 2 ** 24, 0, true],
  ['v=spf1 all', 2 ** 32, 1, true],
  ['v=spf1 ?all', 0, 0, false],
  // Nothing behind "all" counts, and a record with an error admits nobody.
  ['v=spf1 -all ip4:0.0.0.0/1', 0, 0, false],
  ['v=spf1 ip4:0.0.0.0/1 nonsense', 0, 0, false],
])('%s', async (text, ipv4, ipv6, wide) => {
  const open = await of(text);
  expect([open.ipv4, open.ipv6, isWide(open)]).toEqual([ipv4, ipv6, wide]);
});

test('what is included counts, but not where the include lets nobody pass', async () => {
  const more = { 'in.example': { TXT: [['v=spf1 ip4:0.0.0.0/1 -all']] } };
  expect(isWide(await of('v=spf1 include:in.example -all', more))).toBe(true);
  expect(isWide(await of('v=spf1 redirect=in.example', more))).toBe(true);
  expect(isWide(await of('v=spf1 ~include:in.example -all', more))).toBe(false);
});

test.each([
  ['exists:%{i}._spf.evil.test', '_spf.evil.test'],
  ['include:%{d}.x.example', 'example.com.x.example'],
  // What a macro gives may be the beginning of a label, and anybody's name then.
  ['exists:%{l}example.com', 'com'],
  ['exists:%{i}-own.example.com', 'example.com'],
  ['exists:%{i}._spf.%{d}', '_spf.example.com'],
  ['exists:%{i}.%{h}', ''],
])('who is asked about each address is named: %s', async (term, name) => {
  expect((await of(`v=spf1 ${term} -all`)).asked).toEqual([{ term, name }]);
});

test.each([
  ['v=spf1 ip4:192.0.2.1 -all', true],
  ['v=spf1 a -all', true],
  ['v=spf1 include:gone.example -all', true],
  ['v=spf1 -all', false],
  ['v=spf1 ?all', false],
  ['site-verification=1', false],
])('%s lets somebody pass: %s', async (text, admits) => {
  expect((await of(text)).admits).toBe(admits);
});
