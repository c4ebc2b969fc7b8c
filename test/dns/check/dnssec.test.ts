import { expect, test } from 'vitest';
import { checkDnssec } from '../../../services/dns/check/dnssec.ts';
import { dnsOf, type Zone } from '../zone.ts';

const SOA = { mname: 'ns.test', rname: 'h.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
const KEY = { flags: 257, protocol: 3, algorithm: 13, key: Uint8Array.of(1) };
const root: Zone = { '.': { NS: ['a.root.test'], AD: true } };

test.each<[string, string, Zone]>([
  ['validated', 'an answer with AD', { 'example.com': { SOA: [SOA], AD: true } }],
  ['unsigned', 'a resolver that validates the root, and a domain without keys', { ...root, 'example.com': { SOA: [SOA] } }],
  ['no_chain', 'keys that nothing vouches for', { ...root, 'example.com': { SOA: [SOA], DNSKEY: [KEY] } }],
  [
    'not_validating',
    'a resolver that does not validate',
    { '.': { NS: ['a.root.test'] }, 'example.com': { SOA: [SOA], DNSKEY: [KEY] } },
  ],
  ['not_validating', 'a resolver that knows no root', { 'example.com': { SOA: [SOA] } }],
  ['unknown', 'SERVFAIL, as for what is bogus', { ...root, 'example.com': 'unknown' }],
])('%s: %s', async (state, _, zone) => {
  const check = await checkDnssec('example.com', dnsOf(zone));
  expect(check.state).toBe(state);
  expect(check.findings.map(({ code }) => code)).toEqual(['unsigned', 'no_chain'].includes(state) ? [`dnssec_${state}`] : []);
});
