import { expect, test } from 'vitest';
import { seenFindings } from '../../../services/dns/check/seen.ts';
import { checkSpf } from '../../../services/dns/check/spf.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { seenMail, spf } from './fixtures.ts';

const OTHERS: Zone = { 'service.example': spf('v=spf1 ip4:198.51.100.0/24 -all'), 'a.example': { A: ['203.0.113.5'] } };
async function unused(record: string, over: Parameters<typeof seenMail>[0] = {}, zone: Zone = {}): Promise<string[]> {
  const dns = dnsOf({ ...OTHERS, 'example.com': spf(record), ...zone });
  const findings = await seenFindings({ domain: 'example.com', ...(await checkSpf('example.com', dns)) }, seenMail(over), dns);
  return findings.map(({ place }) => place!.text);
}

test('terms that no address needs are named, each kind of them', async () => {
  expect(await unused('v=spf1 ip4:192.0.2.0/24 a:a.example include:service.example ip6:2001:db8::/64 -all')).toEqual([
    'a:a.example',
    'include:service.example',
    'ip6:2001:db8::/64',
  ]);
  const addresses = ['192.0.2.1', '203.0.113.5', '198.51.100.200', '2001:db8::7'];
  const record = 'v=spf1 ip4:192.0.2.0/24 a:a.example include:service.example ip6:2001:db8::/64 ~all';
  expect(await unused(record, { addresses })).toEqual([]);
});

test('a term that an earlier one stands in for is not needed', async () => {
  expect(await unused('v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 -all')).toEqual(['ip4:192.0.2.1']);
});

test('nothing is said of terms that forbid, depend on the mail, or stand behind all', async () => {
  expect(await unused('v=spf1 ip4:192.0.2.0/24 -ip4:203.0.113.9 exists:%{i}.x.example -all ip4:203.0.113.5')).toEqual([]);
});

test.each([
  ['reports cover too few days', { days: 59 }, {}],
  ['there are more addresses than are evaluated', { complete: false }, {}],
  ['a name server does not answer', { addresses: ['198.51.100.1'] }, { 'service.example': 'unknown' }],
  ['the record is an error', { addresses: ['198.51.100.1'] }, { 'service.example': {} }],
] as [string, object, Zone][])('nothing is said where %s', async (_, over, zone) => {
  expect(await unused('v=spf1 ip4:192.0.2.0/24 include:service.example a:a.example -all', over, zone)).toEqual([]);
});
