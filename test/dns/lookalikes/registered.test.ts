import { expect, test } from 'vitest';
import { lookalikesOf } from '../../../services/dns/lookalikes/lookalikes.ts';
import { lookUp, surveyLookalikes } from '../../../services/dns/lookalikes/registered.ts';
import { dnsOf, type Zone } from '../zone.ts';

const names = lookalikesOf({ label: 'kestrel', suffix: 'com' });
const survey = (zone: Zone) =>
  surveyLookalikes('kestrel.com', names, dnsOf({ 'kestrel.com': { NS: ['ns1.kestrel.com', 'ns2.kestrel.com'] }, ...zone }));

test('a look-alike that is registered is found, with its mail hosts and whose name servers it has', async () => {
  const { registered, asked, unknown } = await survey({
    'kestre1.com': { NS: ['ns.evil.example'], MX: [{ preference: 10, exchange: 'mx.evil.example' }] },
    'kestrel.co': { NS: ['NS2.kestrel.com', 'ns1.kestrel.com'] },
    'kes.trel.com': { MX: [{ preference: 0, exchange: 'mx.trel.com' }] },
    'kestrels.com': { NS: ['ns.other.example'], MX: [{ preference: 0, exchange: '.' }] },
  });
  expect(asked).toBe(names.length);
  expect(unknown).toBe(0);
  expect(Object.fromEntries(registered.map((one) => [one.name, [one.mailHosts, one.sameServers]]))).toEqual({
    'kestre1.com': [['mx.evil.example'], false],
    'kestrel.co': [[], true],
    'kes.trel.com': [['mx.trel.com'], false],
    'kestrels.com': [[], false],
  });
  expect(registered[0]!.name).toBe('kestre1.com');
});

test('a name that nobody could answer for is counted, and neither registered nor free', async () => {
  const { registered, unknown } = await survey({ 'kestre1.com': 'unknown' });
  expect(registered).toEqual([]);
  expect(unknown).toBe(1);
});

test('a node on the way to another name is not a registration', async () => {
  expect((await survey({ 'www.kestre1.com': { A: ['192.0.2.1'] } })).registered).toEqual([]);
});

test.each<[string, Zone, Awaited<ReturnType<typeof lookUp>>, boolean?]>([
  ['nothing', {}, { state: 'free', servers: [], mailHosts: [], dmarc: '', questions: 1 }],
  ['a node', { 'www.x.test': { A: ['192.0.2.1'] } }, { state: 'free', servers: [], mailHosts: [], dmarc: null, questions: 2 }],
  ['silence', { 'x.test': 'unknown' }, { state: 'unknown', servers: [], mailHosts: null, dmarc: null, questions: 2 }],
  [
    'a name',
    { 'x.test': { NS: ['NS2.x.test', 'ns1.x.test'], MX: [{ preference: 1, exchange: 'mx.x.test' }] } },
    { state: 'registered', servers: ['ns1.x.test', 'ns2.x.test'], mailHosts: ['mx.x.test'], dmarc: null, questions: 2 },
  ],
  [
    'a name with a policy',
    { 'x.test': { NS: ['ns1.x.test'] }, '_dmarc.x.test': { TXT: [['v=DMARC1; ', 'p=none']] } },
    { state: 'registered', servers: ['ns1.x.test'], mailHosts: [], dmarc: 'v=DMARC1; p=none', questions: 3 },
    true,
  ],
  [
    'a name without a policy',
    { 'x.test': { MX: [{ preference: 1, exchange: 'mx.x.test' }] } },
    { state: 'registered', servers: [], mailHosts: ['mx.x.test'], dmarc: '', questions: 3 },
    true,
  ],
  [
    'a name whose policy nobody could ask for',
    { 'x.test': { NS: ['ns1.x.test'] }, '_dmarc.x.test': 'unknown' },
    { state: 'registered', servers: ['ns1.x.test'], mailHosts: [], dmarc: null, questions: 3 },
    true,
  ],
])('what is looked up of %s', async (_, zone, found, dmarc) => {
  expect(await lookUp('x.test', dnsOf(zone), dmarc === undefined ? {} : { dmarc })).toEqual(found);
});
