import { expect, test } from 'vitest';
import { emptySet, readWithWildcards } from '../../services/gateway/wildcards.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const text = (value: string) => ({ TXT: [[value]] });
test.each<[string, Zone, string, 'alias' | number | null, boolean, number]>([
  ['records of its own', { 'a.example.com': text('x') }, 'a.example.com', 1, false, 2],
  ['none: nothing beside it is asked about', { 'a.example.com': {} }, 'a.example.com', 0, false, 1],
  ['those of a wildcard', { '*.example.com': text('x') }, 'a.example.com', 1, true, 2],
  ['others than the wildcard has', { '*.example.com': text('x'), 'a.example.com': text('y') }, 'a.example.com', 1, false, 2],
  ['the wildcard itself', { '*.example.com': text('x') }, '*.example.com', 1, false, 1],
  ['a name of one label', { com: text('x') }, 'com', 1, false, 1],
  ['nothing that anybody says', { 'a.example.com': 'unknown' }, 'a.example.com', null, false, 1],
  ['an alias', { 'a.example.com': { CNAME: ['b.example.net'] } }, 'a.example.com', 'alias', false, 3],
  ['the alias of a wildcard', { '*.example.com': { CNAME: ['b.example.net'] } }, 'a.example.com', 'alias', true, 3],
])('a name has %s', async (_, zone, name, found, synthesized, questions) => {
  const dns = dnsOf(zone);
  const read = await readWithWildcards(dns, name, 'TXT');
  expect(read.synthesized).toBe(synthesized);
  expect(read.found === null || read.found === 'alias' ? read.found : read.found.members.length).toBe(found);
  // What stands behind an alias is asked for by the server itself.
  expect(dns.asked.filter((one) => !one.endsWith(' b.example.net'))).toHaveLength(questions);
});

test('a set without records has no TTL', () => {
  expect(emptySet('a.example.com', 'TXT')).toEqual({ name: 'a.example.com', type: 'TXT', ttl: null, members: [] });
});
