import { expect, test } from 'vitest';
import { onlyPlanned, type Planned, withPlanned } from '../../services/dns/planned.ts';
import { dnsOf } from './zone.ts';

const PUBLISHED = dnsOf({ 'example.com': { TXT: [['old']], A: ['192.0.2.1'] }, 'away.example.com': 'unknown' });
const ask = (planned: [string, Parameters<Planned['set']>[1]][], name: string, type: 'TXT' | 'A' = 'TXT') =>
  withPlanned(new Map(planned), PUBLISHED).ask(name, type);

test('what is planned replaces what is published under the same name and type', async () => {
  expect(await ask([['example.com', { TXT: [['new']] }]], 'Example.COM.')).toMatchObject({
    state: 'records',
    records: [['new']],
  });
  expect(await ask([['example.com', { TXT: [['new']] }]], 'example.com', 'A')).toMatchObject({ records: ['192.0.2.1'] });
  expect(await ask([['example.com', { TXT: [] }]], 'example.com')).toMatchObject({ state: 'nodata' });
});

test('a planned name exists, and all names above it', async () => {
  const planned: Parameters<typeof ask>[0] = [['a.b.new.example', { A: ['192.0.2.9'] }]];
  expect(await ask(planned, 'b.new.example')).toMatchObject({ state: 'nodata' });
  expect(await ask(planned, 'a.b.new.example')).toMatchObject({ state: 'nodata' });
  expect(await ask(planned, 'c.new.example')).toMatchObject({ state: 'nxdomain' });
  expect(await ask([['new.example', { A: [] }]], 'new.example')).toMatchObject({ state: 'nxdomain' });
});

test('a planned CNAME leads on, to planned and to published names, and not in circles', async () => {
  const alias: Parameters<typeof ask>[0] = [['www.example.com', { CNAME: ['example.com'] }]];
  expect(await ask(alias, 'www.example.com')).toMatchObject({ records: [['old']], aliases: ['example.com'] });
  const circle: Parameters<typeof ask>[0] = [
    ['a.example', { CNAME: ['b.example'] }],
    ['b.example', { CNAME: ['a.example'] }],
  ];
  expect(await ask(circle, 'a.example')).toMatchObject({ state: 'unknown', reason: 'cname_loop' });
});

test('a published alias leads to what is planned', async () => {
  const published = dnsOf({
    '_dmarc.example.com': { CNAME: ['a.example.net'] },
    'a.example.net': { CNAME: ['b.example.net'] },
    'b.example.net': { TXT: [['old']] },
  });
  const answer = await withPlanned(new Map([['b.example.net', { TXT: [['new']] }]]), published).ask('_dmarc.example.com', 'TXT');
  expect(answer).toMatchObject({ state: 'records', records: [['new']], aliases: ['a.example.net', 'b.example.net'] });
});

test('what is unknown stays unknown', async () => {
  expect(await ask([], 'away.example.com')).toMatchObject({ state: 'unknown' });
});

test('a planned wildcard answers for names that exist nowhere, and for no others', async () => {
  const planned: Parameters<typeof ask>[0] = [
    ['*.example.com', { TXT: [['wild']] }],
    ['b.sub.example.com', { A: ['192.0.2.9'] }],
  ];
  expect(await ask(planned, 'anything.example.com')).toMatchObject({ records: [['wild']] });
  expect(await ask(planned, 'two.labels.example.com')).toMatchObject({ records: [['wild']] });
  expect(await ask(planned, 'anything.example.com', 'A')).toMatchObject({ state: 'nodata' });
  expect(await ask(planned, 'example.com')).toMatchObject({ records: [['old']] });
  expect(await ask(planned, 'b.sub.example.com')).toMatchObject({ state: 'nodata' });
  expect(await ask(planned, 'sub.example.com')).toMatchObject({ state: 'nodata' });
  expect(await ask(planned, 'other.sub.example.com')).toMatchObject({ state: 'nxdomain' });
  expect(await ask(planned, 'away.example.com')).toMatchObject({ state: 'unknown' });
  expect(await ask(planned, 'below.elsewhere.example')).toMatchObject({ state: 'nxdomain' });
});

test('an alias stands alone: what is planned at its name replaces it, or withdraws it', async () => {
  const published = dnsOf({ 's1.example.com': { CNAME: ['key.example.net'] }, 'key.example.net': { TXT: [['old']] } });
  const removed = withPlanned(new Map([['s1.example.com', { CNAME: [] }]]), published);
  expect(await removed.ask('s1.example.com', 'TXT')).toMatchObject({ state: 'nodata', aliases: [] });
  expect(await removed.ask('key.example.net', 'TXT')).toMatchObject({ records: [['old']] });
  const own = withPlanned(new Map([['s1.example.com', { TXT: [['own']] }]]), published);
  expect(await own.ask('s1.example.com', 'TXT')).toMatchObject({ records: [['own']] });
  expect(await own.ask('s1.example.com', 'A')).toMatchObject({ state: 'nodata', aliases: [] });
  expect(await own.ask('s1.example.com', 'CNAME')).toMatchObject({ state: 'nodata' });
});

test('a planned wildcard ends at a name that is published (RFC 4592 section 3.3.1)', async () => {
  const published = dnsOf({ 'sub.example.com': { A: ['192.0.2.1'] } });
  const planned = withPlanned(new Map([['*.example.com', { TXT: [['wild']] }]]), published);
  expect(await planned.ask('x.sub.example.com', 'TXT')).toMatchObject({ state: 'nxdomain' });
  expect(await planned.ask('x.other.example.com', 'TXT')).toMatchObject({ records: [['wild']] });
});

test('without DNS, what is not planned below the domains does not exist, nor do policies above; all else is unknown', async () => {
  const dns = onlyPlanned(new Map([['www.mail.example.com', { A: ['192.0.2.1'] }]]), ['mail.example.com']);
  const states = await Promise.all(
    [
      'www.mail.example.com',
      'mail.example.com',
      'x.MAIL.example.com',
      '_dmarc.mail.example.com',
      '_dmarc.example.com',
      '_dmarc.com',
    ].map(async (name) => (await dns.ask(name, 'A')).state),
  );
  expect(states).toEqual(['records', 'nodata', 'nxdomain', 'nxdomain', 'nxdomain', 'nxdomain']);
  for (const name of ['example.com', 'other.example', '_dmarc.other.example', 'notmail.example.com', '_dmarc.ail.example.com'])
    expect(await dns.ask(name, 'TXT'), name).toEqual({
      state: 'unknown',
      reason: 'cancelled',
      message: `${name} is not among the planned records, and nothing else was asked (--offline).`,
    });
});

test('of a planned alias the alias itself can be asked for', async () => {
  const dns = withPlanned(new Map([['www.example.com', { CNAME: ['example.com'] }]]), PUBLISHED);
  expect(await dns.ask('www.example.com', 'CNAME')).toMatchObject({ state: 'records', records: ['example.com'], aliases: [] });
  expect(await dns.ask('www.example.com', 'A')).toMatchObject({ records: ['192.0.2.1'], aliases: ['example.com'] });
});
