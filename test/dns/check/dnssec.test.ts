import { expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
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

const FULL: Zone = {
  'example.com': {
    SOA: [SOA],
    TXT: [['v=spf1 include:_spf.vendor.test -all']],
    MX: [{ preference: 10, exchange: 'mx.example.com' }],
  },
  'mx.example.com': { A: ['192.0.2.1'] },
  '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; rua=mailto:d@example.com']] },
  '_spf.vendor.test': { TXT: [['v=spf1 ip4:192.0.2.0/24 -all']] },
};
const broken = (names: readonly string[], why: string): Zone =>
  Object.fromEntries(
    Object.entries(FULL).map(([name, set]) => [name, names.includes(name) ? { ...(set as object), bogus: why } : set]),
  );

test.each<[string, Zone, string[]]>([
  [
    'a zone whose answers are all refused',
    broken(Object.keys(FULL).slice(0, 3), 'a signature has expired'),
    ['DNSSEC of example.com is broken (a signature has expired)', 'no SPF, DKIM or DMARC'],
  ],
  ['a resolver that does not say why', broken(['example.com'], ''), ['DNSSEC of example.com is broken: ']],
  ['one record', broken(['_dmarc.example.com'], ''), ['DNSSEC is broken at _dmarc.example.com (TXT): ', 'Sign the zone anew.']],
  [
    'an include of another zone',
    broken(['_spf.vendor.test'], ''),
    ['broken at _spf.vendor.test (TXT): ', 'Whoever runs the zone'],
  ],
])('bogus: %s', async (_, zone, words) => {
  const { dnssec, findings } = await checkDomain('example.com', dnsOf(zone));
  expect(dnssec?.state).toBe('bogus');
  const told = findings.filter(({ code }) => code === 'dnssec_bogus');
  expect(told).toHaveLength(1);
  for (const one of words) expect(told[0]!.message).toContain(one);
});

test('a server that fails whether or not it is asked to validate is unknown, and nothing is said of DNSSEC', async () => {
  const failing = { ...dnsOf(FULL), ask: async () => ({ state: 'unknown', reason: 'servfail', message: 'SERVFAIL.' }) as const };
  const { dnssec, findings } = await checkDomain('example.com', failing);
  expect(dnssec?.state).toBe('unknown');
  expect(findings.map(({ code }) => code)).not.toContain('dnssec_bogus');
});

test('a refusal that does not come again is nothing', async () => {
  const zone = dnsOf(broken(['_dmarc.example.com'], ''));
  let asked = 0;
  const once: typeof zone = {
    ...zone,
    ask: (name, type, options) =>
      zone.ask(name, type, { ...options, unchecked: options?.unchecked || (name === '_dmarc.example.com' && asked++ > 0) }),
  };
  const { findings } = await checkDomain('example.com', once);
  expect(findings.map(({ code }) => code)).not.toContain('dnssec_bogus');
});
