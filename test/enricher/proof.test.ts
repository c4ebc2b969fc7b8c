import { expect, test } from 'vitest';
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

test('addresses are compared in lower case, and need a host name', () => {
  expect(addressOf('Dmarc@Example.COM')).toBe('dmarc@example.com');
  for (const text of ['dmarc', '@example.com', 'a@not a host', '']) expect(addressOf(text)).toBeNull();
});
