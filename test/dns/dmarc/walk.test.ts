import { expect, test } from 'vitest';
import { discoverPolicy, walkNames, walkTree } from '../../../services/dns/dmarc/walk.ts';
import { dmarc, dnsOf } from '../zone.ts';

test('the walk asks at eight names at most, jumping to seven labels', () => {
  expect(walkNames('a.mail.example.com')).toEqual(['a.mail.example.com', 'mail.example.com', 'example.com', 'com']);
  expect(walkNames('Example.COM.')).toEqual(['example.com', 'com']);
  expect(walkNames('com')).toEqual(['com']);
  const long = walkNames('1.2.3.4.5.6.7.8.9.10.11.12.com').map((name) => name.split('.').length);
  expect(long).toEqual([13, 7, 6, 5, 4, 3, 2, 1]);
  expect(walkNames('1.2.3.4.5.6.7.com').map((name) => name.split('.').length)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
});

test.each([
  ['the fewest labels', { '_dmarc.mail.example.com': 'p=none', '_dmarc.example.com': 'p=none' }, 'example.com'],
  ['psd=y above', { '_dmarc.com': 'p=none; psd=y' }, 'example.com'],
  ['psd=n', { '_dmarc.mail.example.com': 'p=none; psd=n', '_dmarc.example.com': 'p=none' }, 'mail.example.com'],
  ['nothing', {}, 'a.mail.example.com'],
  ['psd=y at the start is no parent', { '_dmarc.a.mail.example.com': 'p=none; psd=y' }, 'a.mail.example.com'],
  ['no psd=y of a registry', { '_dmarc.com': 'p=none' }, 'com'],
])('the organizational domain: %s', async (_, records, organization) => {
  const zone = Object.fromEntries(Object.entries(records).map(([name, text]) => [name, dmarc(`v=DMARC1; ${text}`)]));
  expect((await walkTree('a.mail.example.com', dnsOf(zone))).organizationalDomain).toBe(organization);
});

test('the walk stops at psd, drops several records and what is none, and says when nobody could answer', async () => {
  const dns = dnsOf({
    '_dmarc.a.example.com': dmarc('v=spf1 -all', 'v=DMARC1; p=none', 'v=DMARC1; p=reject'),
    '_dmarc.example.com': dmarc('verification=1', 'v=DMARC1; p=none; psd=n'),
  });
  const walk = await walkTree('a.example.com', dns);
  expect(walk.steps.map(({ state }) => state)).toEqual(['several', 'record']);
  expect(dns.asked).toEqual(['TXT _dmarc.a.example.com', 'TXT _dmarc.example.com']);
  const broken = await walkTree('a.example.com', dnsOf({ '_dmarc.example.com': 'unknown' }));
  expect(broken).toMatchObject({
    organizationalDomain: null,
    steps: [{ state: 'none' }, { state: 'unknown' }, { state: 'none' }],
  });
});

test.each([
  ['the own record', 'example.com', { '_dmarc.example.com': dmarc('v=DMARC1; p=reject; sp=none') }, 'reject p example.com'],
  ['sp of the parent', 'a.example.com', { '_dmarc.example.com': dmarc('v=DMARC1; p=reject; sp=none') }, 'none sp example.com'],
  ['p of the parent', 'a.example.com', { '_dmarc.example.com': dmarc('v=DMARC1; p=reject') }, 'reject p example.com'],
  [
    'np where the name does not exist',
    'a.example.com',
    { '_dmarc.example.com': dmarc('v=DMARC1; p=none; np=reject') },
    'reject np example.com',
  ],
  [
    'sp where it exists',
    'a.example.com',
    { 'a.example.com': {}, '_dmarc.example.com': dmarc('v=DMARC1; p=none; sp=quarantine; np=reject') },
    'quarantine sp example.com',
  ],
  ['the suffix above', 'example.bank', { '_dmarc.bank': dmarc('v=DMARC1; p=none; sp=reject; psd=y') }, 'reject sp bank'],
  [
    'the organization before a name between',
    'a.b.example.com',
    { '_dmarc.b.example.com': dmarc('v=DMARC1; p=reject'), '_dmarc.example.com': dmarc('v=DMARC1; p=none') },
    'none p example.com',
  ],
  [
    'an invalid policy with a rua',
    'example.com',
    { '_dmarc.example.com': dmarc('v=DMARC1; p=rejct; rua=mailto:a@example.com') },
    'none p example.com',
  ],
])('the policy is %s', async (_, domain, zone, policy) => {
  const found = await discoverPolicy(domain, dnsOf(zone));
  expect(found.state === 'found' ? `${found.policy} ${found.tag} ${found.at}` : found.state).toBe(policy);
});

test('no record, an invalid policy without a rua, and no answer are told apart', async () => {
  expect(await discoverPolicy('example.com', dnsOf({}))).toMatchObject({ state: 'none', record: null });
  expect(await discoverPolicy('example.com', dnsOf({ '_dmarc.example.com': dmarc('v=DMARC1; p=no') }))).toMatchObject({
    state: 'none',
    record: { p: null },
  });
  expect(await discoverPolicy('example.com', dnsOf({ '_dmarc.example.com': 'unknown' }))).toMatchObject({ state: 'unknown' });
  // A record of its own applies, whatever cannot be said of the names above.
  const above = { '_dmarc.example.com': dmarc('v=DMARC1; p=reject'), '_dmarc.com': 'unknown' as const };
  expect(await discoverPolicy('example.com', dnsOf(above))).toMatchObject({ policy: 'reject', organizationalDomain: null });
  expect(await discoverPolicy('a.example.com', dnsOf(above))).toMatchObject({ state: 'unknown' });
  const zone = { 'a.example.com': 'unknown' as const, '_dmarc.example.com': dmarc('v=DMARC1; p=none; np=reject') };
  expect(await discoverPolicy('a.example.com', dnsOf(zone))).toMatchObject({ state: 'unknown' });
});
