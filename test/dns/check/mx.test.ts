import { expect, test } from 'vitest';
import { checkMx } from '../../../services/dns/check/mx.ts';
import { dnsOf, type Zone } from '../zone.ts';

const check = async (zone: Zone) => {
  const { state, hosts, findings } = await checkMx('example.com', dnsOf(zone));
  return { state, hosts, codes: findings.map(({ code }) => code) };
};
const mx = (...records: [number, string][]) => ({
  'example.com': { MX: records.map(([preference, exchange]) => ({ preference, exchange })) },
});
const A = { A: ['192.0.2.1'] };

test('hosts come in the order of their preference', async () => {
  expect(
    await check({
      ...mx([20, 'B.example.com'], [10, 'a.example.com']),
      'a.example.com': A,
      'b.example.com': { AAAA: ['2001:db8::1'] },
    }),
  ).toEqual({
    state: 'hosts',
    hosts: ['a.example.com', 'b.example.com'],
    codes: [],
  });
});

test('a domain that takes no mail says so', async () => {
  expect(await check(mx([0, '.']))).toEqual({ state: 'null', hosts: [], codes: [] });
  expect(await check({ ...mx([0, '.'], [10, 'a.example.com']), 'a.example.com': A })).toMatchObject({
    state: 'hosts',
    codes: ['mx_null_beside'],
  });
});

test('without MX records mail goes to the address, if there is one', async () => {
  expect(await check({ 'example.com': A })).toEqual({ state: 'address', hosts: [], codes: ['mx_missing'] });
  expect(await check({ 'example.com': { TXT: [['x']] } })).toEqual({ state: 'none', hosts: [], codes: ['mx_missing'] });
});

test('hosts that are aliases, have no address, or of which nobody knows', async () => {
  const zone = mx([10, 'a.example.com']);
  expect((await check({ ...zone, 'a.example.com': { CNAME: ['b.example.com'] }, 'b.example.com': A })).codes).toEqual([
    'mx_alias',
  ]);
  expect((await check(zone)).codes).toEqual(['mx_no_address']);
  expect((await check({ ...zone, 'a.example.com': 'unknown' })).codes).toEqual(['mx_unknown']);
  expect(await check({ 'example.com': 'unknown' })).toEqual({ state: 'unknown', hosts: [], codes: ['mx_unknown'] });
});

test('a set of any size costs a bounded number of questions', async () => {
  const dns = dnsOf(mx(...Array.from({ length: 200 }, (_, n): [number, string] => [n, `h${n}.example.com`])));
  await checkMx('example.com', dns);
  expect(dns.asked.length).toBe(1 + 2 * 20);
});

test('a mail host must be a name, with an address that others reach', async () => {
  expect((await check(mx([10, '192.0.2.1']))).codes).toEqual(['mx_no_address']);
  const inside = { 'a.example.com': { A: ['10.0.0.1'] } };
  expect((await check({ ...mx([10, 'a.example.com']), ...inside })).codes).toEqual(['mx_no_address']);
  const both = { 'a.example.com': { A: ['10.0.0.1'], AAAA: ['2001:db8::1'] } };
  expect((await check({ ...mx([10, 'a.example.com']), ...both })).codes).toEqual([]);
});
