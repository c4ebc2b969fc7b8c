import { expect, test } from 'vitest';
import { withPlanned } from '../../../services/dns/planned.ts';
import { parseZoneFile } from '../../../services/dns/zonefile.ts';
import type { DnsChange } from '../../../services/requests/plan.ts';
import { movedMail } from '../../../services/requests/plans/mail-path.ts';
import { SILENT, zone } from './zone.ts';

const ZONE = `
@ MX 10 mx.example.com.
@ MX 20 backup.example.com.
mx A 192.0.2.25
backup CNAME host.example.com.
host A 192.0.2.26
_mta-sts TXT "v=STSv1; id=1"
mta-sts A 192.0.2.27
www A 192.0.2.28
`;
/** What records in place of others do. */
const moved = (name: string, type: DnsChange['type'], records: string, dns = zone(ZONE)) => {
  const planned = parseZoneFile(records, 'example.com');
  if (records === '') planned.set(name, { [type]: [] });
  const change = { target: 'dns', name, type, ttl: { before: 60, after: 60 }, before: [], after: [] } satisfies DnsChange;
  return movedMail('example.com', [change], { now: dns, later: withPlanned(planned, dns) });
};

test.each<[string, string, DnsChange['type'], string, string]>([
  [
    'another MX record',
    'example.com',
    'MX',
    '@ MX 10 mx.evil.test.',
    'Mail to example.com would go to mx.evil.test, to which it does not go now.',
  ],
  [
    'one more MX record',
    'example.com',
    'MX',
    '@ MX 10 mx.example.com.\n@ MX 30 mx.evil.test.',
    'Mail to example.com would go to mx.evil.test, to which it does not go now.',
  ],
  [
    'the address of a mail host',
    'mx.example.com',
    'A',
    'mx A 203.0.113.66',
    'Mail to example.com would go to 203.0.113.66, to which it does not go now.',
  ],
  [
    'one more address of another family',
    'mx.example.com',
    'AAAA',
    'mx A 192.0.2.25\nmx AAAA 2001:db8::66',
    'Mail to example.com would go to 2001:db8::66, to which it does not go now.',
  ],
  [
    'the address behind the alias of a mail host',
    'host.example.com',
    'A',
    'host A 203.0.113.66',
    'Mail to example.com would go to 203.0.113.66, to which it does not go now.',
  ],
  [
    'another host for the policy',
    'mta-sts.example.com',
    'A',
    'mta-sts A 203.0.113.66',
    'The MTA-STS policy of example.com would be served by 203.0.113.66, which does not serve it now.',
  ],
  [
    'three hosts',
    'example.com',
    'MX',
    '@ MX 10 a.evil.test.\n@ MX 10 b.evil.test.\n@ MX 10 c.evil.test.',
    'Mail to example.com would go to a.evil.test, b.evil.test, c.evil.test, to which it does not go now.',
  ],
  [
    'five hosts',
    'example.com',
    'MX',
    ['a', 'b', 'c', 'd', 'e'].map((host) => `@ MX 10 ${host}.evil.test.`).join('\n'),
    'Mail to example.com would go to a.evil.test, b.evil.test, c.evil.test and 2 more, to which it does not go now.',
  ],
])('says of %s where mail goes then', async (_, name, type, records, sentence) => {
  expect(await moved(name, type, records)).toEqual([sentence]);
});

test.each<[string, string, DnsChange['type'], string]>([
  ['a host that is no mail host', 'www.example.com', 'A', 'www A 203.0.113.66'],
  ['fewer MX records', 'example.com', 'MX', '@ MX 5 backup.example.com.'],
  ['the same hosts in another order', 'example.com', 'MX', '@ MX 10 Backup.example.com.\n@ MX 20 mx.example.com.'],
  ['mail to nobody', 'example.com', 'MX', '@ MX 0 .'],
  ['a new version of the policy', '_mta-sts.example.com', 'TXT', '_mta-sts TXT "v=STSv1; id=2"'],
  ['the record of something else', '_acme-challenge.example.com', 'TXT', '_acme-challenge TXT "x"'],
])('says nothing of %s', async (_, name, type, records) => {
  expect(await moved(name, type, records)).toEqual([]);
});

test('says where mail goes then though nobody answers where it goes now', async () => {
  expect(await moved('example.com', 'MX', '@ MX 10 mx.evil.test.', SILENT)).toEqual([
    'Mail to example.com would go to mx.evil.test, to which it does not go now.',
  ]);
});

test('of more hosts than twenty, twenty are looked at', async () => {
  const hosts = (n: number) => Array.from({ length: n }, (_, i) => `@ MX 10 h${i}.evil.test.`).join('\n');
  const more = (n: number) =>
    `Mail to example.com would go to h0.evil.test, h1.evil.test, h2.evil.test and ${n} more, to which it does not go now.`;
  expect(await moved('example.com', 'MX', hosts(20))).toEqual([more(17)]);
  expect(await moved('example.com', 'MX', hosts(21))).toEqual([more(17)]);
});

test('without an MX record mail goes to the domain itself', async () => {
  const bare = zone('@ A 192.0.2.1\n');
  expect(await moved('example.com', 'A', '@ A 203.0.113.66', bare)).toEqual([
    'Mail to example.com would go to 203.0.113.66, to which it does not go now.',
  ]);
  expect(await moved('example.com', 'MX', '@ MX 10 mx.evil.test.', bare)).toEqual([
    'Mail to example.com would go to mx.evil.test, to which it does not go now.',
  ]);
  // Nothing gets mail for it, and then it does.
  expect(await moved('example.com', 'AAAA', '@ AAAA 2001:db8::66', zone('x A 192.0.2.1\n'))).toEqual([
    'Mail to example.com would go to example.com, to which it does not go now.',
  ]);
});

test('another host for a policy that is not announced says nothing', async () => {
  const silent = zone(ZONE.replace('v=STSv1; id=1', 'x'));
  expect(await moved('mta-sts.example.com', 'A', 'mta-sts A 203.0.113.66', silent)).toEqual([]);
});
