import { expect, test } from 'vitest';
import type { RecordType } from '../../services/dns/client/types.ts';
import { opensSpf } from '../../services/gateway/spf-hosts.ts';
import type { DnsChange } from '../../services/requests/plan.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const ZONE = 'example.com';
const OTHER = 'shop.example.com';
/** A change from some records to others, each by a text that stands for its octets. */
const change = (label: string, before: string[], after: string[], type: RecordType = 'A'): DnsChange => {
  const members = (texts: string[]) => texts.map((text) => ({ text, wire: Buffer.from(text).toString('hex') }));
  const ttl = { before: null, after: 60 };
  return { target: 'dns', name: `${label}.${ZONE}`, type: type as 'A', ttl, before: members(before), after: members(after) };
};
const added = (label: string, type?: RecordType) => change(label, [], ['new'], type);
const spf = (terms: string) => ({ TXT: [['other'], [`v=spf1 ${terms} -all`]] });
const says = (label: string, domain = ZONE) =>
  `${label}.${ZONE} is a host that SPF of ${domain} names: whoever has what is added could send as ${domain}.`;
const opens = async (changes: DnsChange[], later: Zone, now: Zone = later, own = [ZONE]) => {
  const [before, after] = [dnsOf(now), dnsOf(later)];
  const why = await opensSpf(changes, own, { now: before, later: after });
  return { why, asked: [...before.asked, ...after.asked] };
};

const HOST = { [ZONE]: spf(`a:out.${ZONE}`), [`out.${ZONE}`]: { A: ['192.0.2.1'] } };
test.each<[string, DnsChange[], Zone, string | null]>([
  ['a host of "a"', [added('out')], HOST, says('out')],
  ['the second change', [added('www'), added('out')], HOST, says('out')],
  ['its IPv6 address', [added('out', 'AAAA')], HOST, says('out')],
  ['a further record', [change('out', ['a', 'b'], ['b', 'c', 'a'])], HOST, says('out')],
  ['one record for another', [change('out', ['a'], ['b'])], HOST, says('out')],
  ['another host', [added('www')], HOST, null],
  ['a host that an "a" behind the first match names', [added('b')], { [ZONE]: spf(`a:a.${ZONE} a:b.${ZONE}`) }, says('b')],
  [
    'a host of "mx"',
    [added('relay')],
    { [ZONE]: spf(`mx:lists.${ZONE}`), [`lists.${ZONE}`]: { MX: [{ preference: 1, exchange: `Relay.${ZONE}` }] } },
    says('relay'),
  ],
  ['the records of that "mx"', [added('lists', 'MX')], { [ZONE]: spf(`mx:lists.${ZONE}`) }, says('lists')],
  [
    'a host behind an include',
    [added('out')],
    { [ZONE]: spf(`include:_spf.${ZONE}`), [`_spf.${ZONE}`]: spf(`a:Out.${ZONE}`) },
    says('out'),
  ],
  [
    'what a host is an alias of',
    [added('real')],
    { [ZONE]: spf(`a:out.${ZONE}`), [`out.${ZONE}`]: { CNAME: [`Real.${ZONE}`] }, [`real.${ZONE}`]: { A: ['192.0.2.1'] } },
    says('real'),
  ],
  ['a host that nobody answers about', [added('out')], { [ZONE]: spf(`a:out.${ZONE}`), [`out.${ZONE}`]: 'unknown' }, says('out')],
  [
    'a name that an "exists" asks for',
    [added('1.2.0.192._ex')],
    { [ZONE]: spf(`exists:%{ir}._ex.${ZONE}`) },
    says('1.2.0.192._ex'),
  ],
  ['what ends like one and is none', [added('1.x_ex')], { [ZONE]: spf(`exists:%{ir}._ex.${ZONE}`) }, null],
  ['any name, where an "exists" asks for what the sender likes', [added('www')], { [ZONE]: spf('exists:%{h}') }, null],
  ['a host of a name between', [added('host.shop')], { [OTHER]: spf(`a:host.${OTHER}`) }, says('host.shop', OTHER)],
  ['a host of its own name', [added('host.shop')], { [`host.${OTHER}`]: spf('a') }, says('host.shop', `host.${OTHER}`)],
  ['a host of a domain that lets nobody send', [added('out')], { [ZONE]: { TXT: [['v=spf1 -all']] } }, null],
  ['a host of a domain that nobody answers about', [added('out')], { [ZONE]: 'unknown' }, null],
])('somebody who may change %s', async (_, changes, zone, why) => {
  expect((await opens(changes, zone)).why).toBe(why);
});

test('hosts of the record before the update and after it are both meant', async () => {
  const [old, next] = [{ [ZONE]: spf(`a:old.${ZONE}`) }, { [ZONE]: spf(`a:new.${ZONE}`) }];
  expect((await opens([added('old')], next, old)).why).toBe(says('old'));
  expect((await opens([added('new')], next, old)).why).toBe(says('new'));
  // A domain whose record the update takes away lets nobody send.
  expect((await opens([added('old')], {}, old)).why).toBeNull();
});

test('where nothing is added to a host, nothing is asked', async () => {
  for (const one of [change('out', ['a', 'b'], ['b']), change('out', ['a'], []), added('out', 'TXT')])
    expect(await opens([one], HOST)).toEqual({ why: null, asked: [] });
});

test('a domain that has no SPF record is asked for it alone, also each name between', async () => {
  expect(await opens([added('a.b')], {}, {}, ['example.net', 'com', ZONE])).toEqual({
    why: null,
    asked: ['TXT example.net', 'TXT com', `TXT ${ZONE}`, `TXT a.b.${ZONE}`, `TXT b.${ZONE}`],
  });
  expect(await opens([added('a')], {}, {}, ['example.net'])).toEqual({ why: null, asked: ['TXT example.net'] });
});

test('of many names between, the eight nearest to the domain are looked at', async () => {
  const label = 'a.b.c.d.e.f.g.h.i';
  const { asked } = await opens([added(label)], {});
  const labels = label.split('.');
  expect(asked).toEqual([`TXT ${ZONE}`, ...labels.slice(1).map((_, at) => `TXT ${labels.slice(at + 1).join('.')}.${ZONE}`)]);
});
