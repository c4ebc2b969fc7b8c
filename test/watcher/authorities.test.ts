import { expect, test } from 'vitest';
import type { Dns, UnknownReason } from '../../services/dns/client/types.ts';
import { Authorities } from '../../services/watcher/authorities.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const SOA = { serial: 7 } as never;
/** What the servers at their addresses say of the zone's SOA record. */
function around(resolver: Zone, servers: Record<string, Zone[string] | UnknownReason> = {}) {
  const dns = dnsOf(resolver);
  const connected: string[] = [];
  const connect = (address: string): Dns => {
    connected.push(address);
    const says = servers[address] ?? { SOA: [SOA] };
    if (typeof says !== 'string') return dnsOf({ 'example.com': says });
    return { ask: async () => ({ state: 'unknown', reason: says as UnknownReason, message: `It was ${says}.` }) };
  };
  return { dns, connected, authorities: new Authorities(dns, connect, {}) };
}
const plain = async (found: ReturnType<Authorities['of']>) =>
  (await found)?.authorities.map(({ dns, ...rest }) => ({ ...rest, asked: dns !== null }));
const NS = { NS: ['ns.example.net'] };
const AT = { A: ['192.0.2.1'] };
const told = { zone: 'example.com', server: 'ns.example.net', address: '192.0.2.1', serial: null, asked: false };

test.each<[string, Zone[string] | UnknownReason, object]>([
  ['answers', { SOA: [SOA] }, { state: 'answers', reason: null, serial: 7, asked: true }],
  ['knows no zone', {}, { state: 'lame', reason: 'ns.example.net knows no SOA record of example.com.' }],
  ['does not answer', 'timeout', { state: 'silent', reason: 'It was timeout.' }],
  ['cannot be reached', 'unreachable', { state: 'silent', reason: 'It was unreachable.' }],
  ['refuses', 'refused', { state: 'lame', reason: 'It was refused.' }],
  ['holds another zone', 'lame', { state: 'lame', reason: 'It was lame.' }],
  ['was not asked for want of a budget', 'budget', { state: 'unknown', reason: 'It was budget.' }],
  ['was not asked to the end', 'cancelled', { state: 'unknown', reason: 'It was cancelled.' }],
])('a server that %s', async (_what, says, expected) => {
  const { authorities } = around({ 'example.com': NS, 'ns.example.net': AT }, { '192.0.2.1': says });
  expect(await plain(authorities.of('example.com'))).toEqual([{ ...told, ...expected }]);
});

test.each<[string, Zone[string], object]>([
  ['an IPv4 address before another', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] }, { address: '192.0.2.1', state: 'answers' }],
  ['an IPv6 address alone', { AAAA: ['2001:db8::1'] }, { address: '2001:db8::1', state: 'answers' }],
  ['none', {}, { address: null, state: 'no address', reason: 'ns.example.net has no address.' }],
  [
    'one that is not known',
    'unknown',
    { address: null, state: 'unknown', reason: 'Nobody could say what ns.example.net holds.' },
  ],
])('a server with %s', async (_what, at, expected) => {
  const { authorities } = around({ 'example.com': NS, 'ns.example.net': at });
  expect(await plain(authorities.of('example.com'))).toMatchObject([expected]);
});

test('a zone is the nearest name above with name servers of its own, and is asked for once', async () => {
  const { dns, connected, authorities } = around({
    com: NS,
    'example.com': NS,
    'alias.example.com': { CNAME: ['sub.example.com'] },
    'sub.example.com': { NS: ['ns2.example.net'] },
    'ns.example.net': AT,
    'ns2.example.net': { A: ['192.0.2.2'] },
  });
  const names = [
    'a.b.example.com',
    'example.com',
    'alias.example.com',
    'x.sub.example.com',
    'a.b.example.com',
    'other.com',
    'com',
  ];
  const zones = [];
  for (const name of names) zones.push((await authorities.of(name))?.name ?? null);
  expect(zones).toEqual(['example.com', 'example.com', 'example.com', 'sub.example.com', 'example.com', null, null]);
  expect(connected).toEqual(['192.0.2.1', '192.0.2.2']);
  expect(dns.asked.filter((one) => one === 'NS example.com')).toHaveLength(1);
  expect((await authorities.all()).map(({ name }) => name)).toEqual(['example.com', 'sub.example.com']);
});

test('eight servers of a zone are asked, in the order of their names, each once', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `ns${i}.example.net`);
  const { authorities } = around({ 'example.com': { NS: [...names, ...names].reverse() }, '*.example.net': AT });
  expect((await plain(authorities.of('example.com')))!.map(({ server }) => server)).toEqual(names.slice(0, 8));
});

test('each question has the budget and the end of its round', async () => {
  const given: unknown[] = [];
  const heard = (dns: Dns): Dns => ({
    ask: (name, type, options) => {
      given.push(options);
      return dns.ask(name, type, options);
    },
  });
  const options = { budget: { left: 9 } };
  const resolver = dnsOf({ 'example.com': NS, 'ns.example.net': AT });
  await new Authorities(heard(resolver), () => heard(dnsOf({ 'example.com': { SOA: [SOA] } })), options).of('example.com');
  expect(given.length).toBeGreaterThan(2);
  expect(given.every((one) => one === options)).toBe(true);
});
