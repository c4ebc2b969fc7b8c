import { expect, test } from 'vitest';
import type { Dns } from '../../services/dns/client/types.ts';
import { addressOf, proveDomain } from '../../services/enricher/proof.ts';
import { dmarc, dnsOf, type Zone } from '../dns/zone.ts';

const OURS = new Set(['dmarc@reports.example.net']);
const AGREES = { 'example.com._report._dmarc.reports.example.net': dmarc('v=DMARC1') };
const asks = (rua: string, rest = '') => ({ '_dmarc.example.com': dmarc(`v=DMARC1; p=none; rua=${rua}${rest}`) });
const WALK_OF_MAILBOX = ['TXT _dmarc.mail.example.com', 'TXT _dmarc.example.com', 'TXT _dmarc.com'];
const prove = (zone: Zone, domain = 'example.com', ours: ReadonlySet<string> = OURS) => proveDomain(domain, ours, dnsOf(zone));

test('both sides: the record names our mailbox, and the mailbox takes reports on just this domain', async () => {
  expect(await prove({ ...asks('mailto:DMARC@reports.example.net'), ...AGREES })).toMatchObject({
    state: 'proven',
    at: 'example.com',
  });
  // A name below has the record of the domain.
  expect(await prove({ ...asks('mailto:dmarc@reports.example.net'), ...AGREES }, 'mail.example.com')).toMatchObject({
    at: 'example.com',
  });
  // An address with a tag arrives at the same mailbox.
  expect(await prove({ ...asks('mailto:dmarc+shop@reports.example.net'), ...AGREES })).toMatchObject({ state: 'proven' });
});

test('a mailbox of the same organization needs no second side', async () => {
  const ours = new Set(['dmarc@mail.example.com']);
  expect(await prove(asks('mailto:dmarc@mail.example.com'), 'example.com', ours)).toMatchObject({ state: 'proven' });
  // Unless it is an account at a provider that anybody can have.
  const gmail = new Set(['me@gmail.com']);
  const zone = { '_dmarc.gmail.com': dmarc('v=DMARC1; p=none; rua=mailto:me@gmail.com') };
  expect(await prove(zone, 'gmail.com', gmail)).toMatchObject({ state: 'denied' });
});

test('the walk to the record of the domain is not made twice; that of the mailbox is its own', async () => {
  const dns = dnsOf(asks('mailto:dmarc@mail.example.com'));
  const ours = new Set(['dmarc@mail.example.com']);
  expect(await proveDomain('example.com', ours, dns)).toMatchObject({ state: 'proven', at: 'example.com' });
  expect(dns.asked).toEqual(['TXT _dmarc.example.com', 'TXT _dmarc.com', ...WALK_OF_MAILBOX]);
});

test('the walk from a name below is not that of the record above', async () => {
  const dns = dnsOf(asks('mailto:dmarc@mail.example.com'));
  const ours = new Set(['dmarc@mail.example.com']);
  expect(await proveDomain('shop.example.com', ours, dns)).toMatchObject({ state: 'proven', at: 'example.com' });
  const walk = ['TXT _dmarc.example.com', 'TXT _dmarc.com'];
  expect(dns.asked).toEqual(['TXT _dmarc.shop.example.com', ...walk, ...walk, ...WALK_OF_MAILBOX]);
});

test('a mailbox of the domain itself needs no further question', async () => {
  const dns = dnsOf(asks('mailto:dmarc@example.com'));
  expect(await proveDomain('example.com', new Set(['dmarc@example.com']), dns)).toMatchObject({ state: 'proven' });
  expect(dns.asked).toEqual(['TXT _dmarc.example.com', 'TXT _dmarc.com']);
});

test('two names below a public suffix that says so are of one organization when they share the label below it', async () => {
  const zone = (rua: string) => ({
    '_dmarc.a.shop.test': dmarc(`v=DMARC1; p=none; rua=mailto:dmarc@${rua}`),
    '_dmarc.test': dmarc('v=DMARC1; p=none; psd=y'),
  });
  const proof = (mailbox: string) => prove(zone(mailbox), 'a.shop.test', new Set([`dmarc@${mailbox}`]));
  expect(await proof('b.shop.test')).toMatchObject({ state: 'proven', at: 'a.shop.test' });
  expect(await proof('b.other.test')).toMatchObject({ state: 'denied' });
});

test('the record of a public suffix speaks for that name itself', async () => {
  const rua = 'mailto:dmarc@reports.example.net';
  const zone = {
    '_dmarc.test': dmarc(`v=DMARC1; p=none; psd=y; rua=${rua}`),
    'test._report._dmarc.reports.example.net': dmarc('v=DMARC1'),
  };
  expect(await prove(zone, 'test')).toMatchObject({ state: 'proven', at: 'test' });
  expect(await prove(zone, 'shop.test')).toEqual({
    state: 'denied',
    reason: 'The DMARC record that applies is that of the public suffix test.',
  });
});

test('a domain is asked about with thirty questions at most, and by the signal that is given', async () => {
  const dns = dnsOf({ ...asks('mailto:dmarc@reports.example.net'), ...AGREES });
  const given: unknown[] = [];
  const asking: Dns = {
    ask(name, type, options) {
      given.push([options?.budget?.left, options?.signal]);
      return dns.ask(name, type, options);
    },
  };
  const { signal } = new AbortController();
  await proveDomain('example.com', OURS, asking, signal);
  expect(given).toHaveLength(dns.asked.length);
  for (const one of given) expect(one).toEqual([30, signal]);
});

test.each<[string, string]>([
  ['says that it is an organization of its own', 'psd=n'],
  ['says that those below it are', 'psd=y'],
])('a record between the two that %s separates them', async (_, psd) => {
  const ours = new Set(['dmarc@a.mail.example.com']);
  const zone = { ...asks('mailto:dmarc@a.mail.example.com'), '_dmarc.mail.example.com': dmarc(`v=DMARC1; p=none; ${psd}`) };
  expect(await prove(zone, 'example.com', ours)).toMatchObject({ state: 'denied' });
});

test.each<[string, Zone]>([
  ['no record', {}],
  ['a record that asks for no reports', { '_dmarc.example.com': dmarc('v=DMARC1; p=none') }],
  ['a record that names another mailbox', asks('mailto:dmarc@elsewhere.example')],
  ['only one side', asks('mailto:dmarc@reports.example.net')],
  [
    'a wildcard, which takes reports on any domain',
    { ...asks('mailto:dmarc@reports.example.net'), '*._report._dmarc.reports.example.net': dmarc('v=DMARC1') },
  ],
])('%s proves nothing', async (_, zone) => {
  expect(await prove(zone)).toMatchObject({ state: 'denied' });
});

test('what nobody could answer is neither', async () => {
  expect(await prove({ '_dmarc.example.com': 'unknown' })).toMatchObject({ state: 'unknown' });
  const name = 'example.com._report._dmarc.reports.example.net';
  expect(await prove({ ...asks('mailto:dmarc@reports.example.net'), [name]: 'unknown' })).toMatchObject({ state: 'unknown' });
});

test('of several mailboxes one that agrees is enough', async () => {
  const ours = new Set([...OURS, 'b@other.example']);
  expect(
    await prove({ ...asks('mailto:b@other.example,mailto:dmarc@reports.example.net'), ...AGREES }, 'example.com', ours),
  ).toMatchObject({ state: 'proven' });
});

test('of several mailboxes of which none agrees, one that nobody could say anything of decides', async () => {
  const ours = new Set([...OURS, 'b@other.example']);
  const rua = 'mailto:b@other.example,https://example.com/reports,mailto:dmarc@reports.example.net';
  const zone: Zone = { ...asks(rua), 'example.com._report._dmarc.reports.example.net': 'unknown' };
  expect(await prove(zone, 'example.com', ours)).toEqual({
    state: 'unknown',
    reason: 'Nobody could say what example.com._report._dmarc.reports.example.net holds.',
  });
  expect(await prove(asks(rua), 'example.com', ours)).toEqual({
    state: 'denied',
    reason:
      'other.example does not accept reports about example.com: there is no record at example.com._report._dmarc.other.example.',
  });
  // Where reports go by another way than mail, no mailbox is named.
  expect(await prove(asks('https://example.com/reports'))).toMatchObject({
    state: 'denied',
    reason: expect.stringMatching(/names no/),
  });
});

test('addresses are compared in lower case, and need a host name', () => {
  expect(addressOf('Dmarc@Example.COM')).toBe('dmarc@example.com');
  expect(addressOf('a@b@example.com')).toBe('a@b@example.com');
  expect(addressOf('x@example.com')).toBe('x@example.com');
  for (const text of ['dmarc', 'example.com', '@example.com', 'a@not a host', '']) expect(addressOf(text)).toBeNull();
});
