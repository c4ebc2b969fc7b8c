import { expect, test } from 'vitest';
import { letsSend, newAuthority } from '../../services/requests/authority.ts';
import type { DnsChange } from '../../services/requests/plan.ts';
import { aliasOf, txtOf } from '../../services/requests/plans/members.ts';

const OWN = ['example.com', 'shop.example.com'];
const change = (name: string, after: string[], before: string[] = [], type: 'TXT' | 'CNAME' = 'TXT'): DnsChange => {
  const member = type === 'TXT' ? txtOf : aliasOf;
  return { target: 'dns', name, type, ttl: { before: 60, after: 60 }, before: before.map(member), after: after.map(member) };
};

test.each([
  ['v=spf1 +all', true],
  ['V=SPF1 ip4:192.0.2.1 -all', true],
  ['v=spf1', true],
  ['v=spf1 redirect=_spf.example.net', true],
  ['v=spf1 -all', false],
  ['v=spf1  -all ', false],
  ['v=spf10 +all', false],
  ['v=DMARC1; p=none', false],
])('%s lets somebody send: %s', (text, is) => {
  expect(letsSend(text)).toBe(is);
});

test.each([
  [change('x.example.com', ['v=spf1 +all']), 'mail that passes it would pass DMARC of example.com'],
  [change('_acme-challenge.example.com', ['token', 'v=spf1 ip4:203.0.113.5 -all']), 'an SPF record of its own'],
  [change('x.shop.example.com', ['v=spf1 a -all']), 'DMARC of shop.example.com'],
  [change('x.example.com', ['v=spf1 a mx -all'], ['v=spf1 a -all']), 'SPF'],
  [change('x.example.com', [], ['v=spf1 a -all']), 'would lose its SPF record'],
  [change('_dmarc.x.example.com', ['v=DMARC1; p=none']), 'would count before the policy of example.com'],
  [change('_dmarc.x.example.com', [], ['v=DMARC1; p=reject']), 'count before'],
  [change('_dmarc.x.example.com', ['v=DMARC1; p=reject; np=none']), 'count before'],
  [change('_dmarc.x.example.com', ['v=DMARC1; p=reject; rua=mailto:x@example.net']), 'count before'],
  [change('_dmarc.x.example.com', ['d.example.net'], [], 'CNAME'), 'count before'],
  [change('_dmarc.x.example.com', ['v=DMARC1; p=reject', 'other']), 'count before'],
  [change('_dmarc.x.example.com', ['v=spf1 -all']), 'count before'],
])('%j needs people', (given, says) => {
  expect(newAuthority(given, OWN)).toContain(says);
  expect(newAuthority(given, [...OWN].reverse())).toBe(newAuthority(given, OWN));
});

test('each is a whole sentence', () => {
  expect([
    newAuthority(change('x.example.com', ['v=spf1 +all']), OWN),
    newAuthority(change('x.example.com', [], ['v=spf1 a -all']), OWN),
    newAuthority(change('_dmarc.x.example.com', ['v=DMARC1; p=none']), OWN),
  ]).toEqual([
    'x.example.com would have an SPF record of its own, and mail that passes it would pass DMARC of example.com.',
    'x.example.com would lose its SPF record, and mail from it would pass no more by SPF.',
    '_dmarc.x.example.com would count before the policy of example.com.',
  ]);
});

test.each([
  // Of an own domain all is judged as a plan is.
  change('shop.example.com', ['v=spf1 +all']),
  change('_dmarc.shop.example.com', ['v=DMARC1; p=none']),
  change('x.example.net', ['v=spf1 +all']),
  change('x.example.com', ['v=spf1 -all']),
  change('x.example.com', ['v=spf1 a -all', 'site'], ['v=spf1 a -all']),
  change('x.example.com', [], ['v=spf1 -all']),
  change('_dmarc.x.example.com', ['v=DMARC1; p=reject']),
  change('_dmarc.x.example.com', ['v=DMARC1;p=reject;']),
  change('_acme-challenge.example.com', ['token']),
  // Neither SPF nor a policy is looked for there.
  { ...change('_dmarc.x.example.com', ['x']), type: 'MX' as const },
  { ...change('x.example.com', ['v=spf1 +all']), type: 'MX' as const },
  { ...change('x.example.com', [], ['v=spf1 a -all']), type: 'MX' as const },
  change('x.example.com', ['v=spf1 -all'], ['v=spf1 a -all']),
])('%j lends nobody anything', (given) => {
  expect(newAuthority(given, OWN)).toBeNull();
});
