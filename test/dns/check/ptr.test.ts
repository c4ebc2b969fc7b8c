import { expect, test } from 'vitest';
import { checkPtr } from '../../../services/dns/check/ptr.ts';
import { dnsOf } from '../zone.ts';

const check = (text: string, zone: Parameters<typeof dnsOf>[0]) => checkPtr('example.com', text, dnsOf(zone));

test('single addresses of ip4, ip6, a and mx are looked up, and neither networks nor includes', async () => {
  const { addresses, findings } = await check(
    'v=spf1 ip4:192.0.2.1 ip4:198.51.100.0/24 ip6:2001:db8::1 a:h.example mx include:i.example -ip4:192.0.2.9 ~all',
    {
      'h.example': { A: ['192.0.2.2'] },
      'example.com': { MX: [{ preference: 1, exchange: 'mx.example.com' }] },
      'mx.example.com': { A: ['192.0.2.3'], AAAA: ['2001:DB8:0::3'] },
      '1.2.0.192.in-addr.arpa': { PTR: ['a.example.com', 'b.example.com'] },
      'b.example.com': { A: ['192.0.2.1'] },
      [`3.0.0.0.${'0.'.repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`]: { PTR: ['mx.example.com'] },
    },
  );
  expect(addresses.map(({ address, term, confirmed }) => [address, term, confirmed])).toEqual([
    ['192.0.2.1', 'ip4:192.0.2.1', 'b.example.com'],
    ['2001:db8::1', 'ip6:2001:db8::1', null],
    ['192.0.2.2', 'a:h.example', null],
    ['192.0.2.3', 'mx', null],
    ['2001:DB8:0::3', 'mx', 'mx.example.com'],
  ]);
  expect(findings.map(({ code, place }) => [code, place?.text])).toEqual([
    ['ptr_missing', 'ip6:2001:db8::1'],
    ['ptr_missing', 'a:h.example'],
    ['ptr_missing', 'mx'],
  ]);
});

test('a name whose address nobody could say is unknown only if no other leads back', async () => {
  const zone = { '1.2.0.192.in-addr.arpa': { PTR: ['slow.example', 'b.example'] }, 'slow.example': 'unknown' as const };
  expect((await check('v=spf1 ip4:192.0.2.1 -all', zone)).findings.map(({ code }) => code)).toEqual(['ptr_unknown']);
  expect((await check('v=spf1 ip4:192.0.2.1 -all', { ...zone, 'b.example': { A: ['192.0.2.1'] } })).findings).toEqual([]);
});

test('a record with any number of addresses costs a bounded number of questions', async () => {
  const dns = dnsOf({});
  const terms = Array.from({ length: 250 }, (_, i) => `ip4:192.0.2.${i}`).join(' ');
  await checkPtr('example.com', `v=spf1 ${terms} -all`, dns);
  expect(dns.asked.length).toBeLessThanOrEqual(12);
});
