import { expect, test } from 'vitest';
import { checkMx } from '../../../services/dns/check/mx.ts';
import type { Answer, Dns } from '../../../services/dns/client/types.ts';
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

/** DNS that does not answer these questions. */
function silentAbout(zone: Zone, ...questions: string[]): Dns {
  const dns = dnsOf(zone);
  return {
    ask: async (name, type) => {
      if (!questions.includes(`${type} ${name}`)) return dns.ask(name, type);
      return { state: 'unknown', reason: 'timeout', message: `No answer about ${type}.` } satisfies Answer;
    },
  };
}

/** What is said, of which record, and at which place in it. */
test.each<[string, Zone, string[], object]>([
  [
    'one family of addresses that nobody says anything of, and none of the other',
    { ...mx([10, 'a.example.com']), 'a.example.com': { TXT: [['x']] } },
    ['A a.example.com'],
    { hosts: ['a.example.com'], findings: [{ code: 'mx_unknown', message: 'No answer about A.' }] },
  ],
  [
    'the other family',
    { ...mx([10, 'a.example.com']), 'a.example.com': { TXT: [['x']] } },
    ['AAAA a.example.com'],
    { hosts: ['a.example.com'], findings: [{ code: 'mx_unknown', message: 'No answer about AAAA.' }] },
  ],
  [
    'private addresses of one family, and silence about the other',
    { ...mx([10, 'a.example.com']), 'a.example.com': { A: ['10.0.0.1'] } },
    ['AAAA a.example.com'],
    { hosts: ['a.example.com'], findings: [] },
  ],
  [
    'and the other way round',
    { ...mx([10, 'a.example.com']), 'a.example.com': { AAAA: ['fd00::1'] } },
    ['A a.example.com'],
    { hosts: ['a.example.com'], findings: [] },
  ],
  [
    'no address, of the second host',
    { ...mx([20, 'B.example.com'], [10, 'a.example.com']), 'a.example.com': A },
    [],
    {
      hosts: ['a.example.com', 'b.example.com'],
      findings: [
        {
          code: 'mx_no_address',
          message: 'The mail host b.example.com of example.com has no address: no mail can be delivered there.',
          record: { name: 'example.com', text: '10 a.example.com\n20 B.example.com' },
        },
      ],
    },
  ],
  [
    'private addresses of both families, at the second of three hosts',
    {
      ...mx([10, 'a.example.com'], [20, 'b.example.com'], [20, 'a.example.com']),
      'a.example.com': A,
      'b.example.com': { A: ['10.0.0.1'], AAAA: ['fd00::1'] },
    },
    [],
    {
      hosts: ['a.example.com', 'b.example.com'],
      findings: [
        {
          code: 'mx_no_address',
          message:
            'The mail host b.example.com of example.com has private addresses alone (10.0.0.1, fd00::1): nobody outside can deliver mail there.',
          record: { name: 'example.com', text: '10 a.example.com\n20 b.example.com\n20 a.example.com' },
          place: { at: 20, text: 'b.example.com' },
        },
      ],
    },
  ],
  [
    'an alias, of one family alone, without addresses at its end',
    { ...mx([0, 'a.example.com']), 'a.example.com': { CNAME: ['b.example.com'] }, 'b.example.com': { CNAME: ['c.example.com'] } },
    ['A a.example.com'],
    {
      hosts: ['a.example.com'],
      findings: [
        {
          code: 'mx_alias',
          message:
            'The mail host a.example.com of example.com is an alias (CNAME) of c.example.com. An MX record must name a host with addresses; some senders do not follow aliases.',
          record: { name: 'example.com', text: '0 a.example.com' },
          place: { at: 2, text: 'a.example.com' },
        },
        { code: 'mx_unknown', message: 'No answer about A.' },
      ],
    },
  ],
  [
    'an address in place of a host, beside the record for no mail',
    mx([0, ''], [5, '2001:db8::1']),
    [],
    {
      hosts: ['2001:db8::1'],
      findings: [
        {
          code: 'mx_null_beside',
          message:
            'example.com has the MX record "0 .", which means that it accepts no mail, next to records that name hosts. Remove it.',
          record: { name: 'example.com', text: '0 \n5 2001:db8::1' },
        },
        {
          code: 'mx_no_address',
          message:
            'The MX record of example.com names 2001:db8::1, which is an address: it must name a host (RFC 1035 section 3.3.9), and no mail is delivered there.',
          record: { name: 'example.com', text: '0 \n5 2001:db8::1' },
          place: { at: 5, text: '2001:db8::1' },
        },
      ],
    },
  ],
])('%s', async (_, zone, silent, expected) => {
  const { state, hosts, findings } = await checkMx('example.com', silentAbout(zone, ...silent));
  const said = findings.map(({ code, message, record, place }) => ({
    code,
    message,
    ...(record === null ? {} : { record }),
    ...(place === null ? {} : { place }),
  }));
  expect({ state, hosts, findings: said }).toEqual({ state: 'hosts', ...expected });
});

test.each<[string, Zone, string, string]>([
  [
    'an address of the domain itself',
    { 'example.com': { AAAA: ['2001:db8::1'] } },
    'address',
    'example.com has no MX record: mail goes to the address of the domain itself. Publish an MX record, or "0 ." if the domain takes no mail.',
  ],
  [
    'no address either',
    {},
    'none',
    'example.com has no MX record and no address, so it takes no mail, bounces included. Say so with the MX record "0 .".',
  ],
])('without MX records, with %s', async (_, zone, state, message) => {
  const { findings, ...rest } = await checkMx('example.com', dnsOf(zone));
  expect(rest).toEqual({ state, hosts: [] });
  expect(findings).toMatchObject([{ code: 'mx_missing', domain: 'example.com', message }]);
});
