import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partName, spfOver } from '../../../services/dns/guard/egress.ts';
import { evaluateSpf } from '../../../services/dns/spf/evaluate.ts';
import { dnsOf, type Zone } from '../zone.ts';

const MAIL = { helo: 'example.com', mailFrom: 'a@example.com' };
const over = async (network: string, zone: Zone | string) =>
  (await spfOver(network, MAIL, dnsOf(typeof zone === 'string' ? { 'example.com': { TXT: [[zone]] } } : zone))).map(
    (part) => `${partName(part)} ${part.spf}${part.exact ? '' : ' tried'}`,
  );

describe('the parts of a network', () => {
  test.each([
    ['192.0.2.10', 'v=spf1 ip4:192.0.2.0/28 -all', ['192.0.2.10 pass']],
    ['192.0.2.0/28', 'v=spf1 ip4:192.0.2.0/24 -all', ['192.0.2.0/28 pass']],
    ['192.0.2.16/28', 'v=spf1 ip4:192.0.2.0/28 -all', ['192.0.2.16/28 fail']],
    // One address in the middle of sixteen million.
    [
      '10.0.0.0/8',
      'v=spf1 -ip4:10.77.3.9 ip4:10.0.0.0/8 -all',
      ['10.0.0.0 to 10.77.3.8 pass', '10.77.3.9 fail', '10.77.3.10 to 10.255.255.255 pass'],
    ],
    ['192.0.2.17/30', 'v=spf1 ip4:192.0.2.18 ~all', ['192.0.2.16/31 softfail', '192.0.2.18 pass', '192.0.2.19 softfail']],
    ['2001:db8::/32', 'v=spf1 ip6:2001:db8::/33 -all', ['2001:db8::/33 pass', '2001:db8:8000::/33 fail']],
    ['0.0.0.0/0', 'v=spf1 ip4:128.0.0.0/1 ?all', ['0.0.0.0/1 neutral', '128.0.0.0/1 pass']],
    ['::/0', 'v=spf1 ip4:192.0.2.1 -all', ['::/0 fail']],
    ['255.255.255.254/31', 'v=spf1 ip4:255.255.255.255 -all', ['255.255.255.254 fail', '255.255.255.255 pass']],
  ])('%s under "%s"', async (network, record, parts) => {
    expect(await over(network, record)).toEqual(parts);
  });

  test('of a host with addresses of both families each counts with its own network', async () => {
    const zone: Zone = {
      'example.com': { TXT: [['v=spf1 a:h.example.com/30//64 -all']] },
      'h.example.com': { A: ['192.0.2.6'], AAAA: ['2001:db8:0:1::5'] },
    };
    expect(await over('2001:db8::/62', zone)).toEqual(['2001:db8::/64 fail', '2001:db8:0:1::/64 pass', '2001:db8:0:2::/63 fail']);
    expect(await over('192.0.2.0/29', zone)).toEqual(['192.0.2.0/30 fail', '192.0.2.4/30 pass']);
  });

  test('hosts count with the network around them, in included records too', async () => {
    const zone: Zone = {
      'example.com': { TXT: [['v=spf1 a:h.example.com/30 include:_spf.vendor.example -all']] },
      'h.example.com': { A: ['192.0.2.6'] },
      '_spf.vendor.example': { TXT: [['v=spf1 ip4:192.0.2.12/31 mx -all']] },
      'mx.vendor.example': { A: ['192.0.2.15'] },
    };
    zone['_spf.vendor.example'] = {
      TXT: [['v=spf1 ip4:192.0.2.12/31 mx -all']],
      MX: [{ preference: 1, exchange: 'mx.vendor.example' }],
    };
    expect(await over('192.0.2.0/28', zone)).toEqual([
      '192.0.2.0/30 fail',
      '192.0.2.4/30 pass',
      '192.0.2.8/30 fail',
      '192.0.2.12/31 pass',
      '192.0.2.14 fail',
      '192.0.2.15 pass',
    ]);
  });

  test('where the record asks about the address, some are tried, and that is said', async () => {
    const zone: Zone = {
      'example.com': { TXT: [['v=spf1 exists:%{ir}.ok.example.com -all']] },
      '7.2.0.192.ok.example.com': { A: ['127.0.0.2'] },
    };
    expect(await over('192.0.2.0/28', zone)).toEqual(['192.0.2.0 to 192.0.2.6 fail', '192.0.2.7 pass', '192.0.2.8/29 fail']);
    expect(await over('192.0.0.0/16', zone)).toEqual(['192.0.0.0/16 fail tried']);
    // What is decided before that term is decided for all.
    zone['example.com'] = { TXT: [['v=spf1 ip4:192.0.0.0/17 exists:%{i}.ok.example.com -all']] };
    expect(await over('192.0.0.0/16', zone)).toEqual(['192.0.0.0/17 pass', '192.0.128.0/17 fail tried']);
  });

  test('no record, a wrong one, and one that nobody answers for are of the whole network', async () => {
    expect(await over('192.0.2.0/24', {})).toEqual(['192.0.2.0/24 none']);
    expect(await over('192.0.2.0/24', 'v=spf1 ip4:192.0.2.0/33 -all')).toEqual(['192.0.2.0/24 permerror']);
    expect(await over('192.0.2.0/24', { 'example.com': 'unknown' })).toEqual(['192.0.2.0/24 temperror']);
  });

  test('a record of very many networks ends', async () => {
    const terms = Array.from({ length: 200 }, (_, n) => `ip4:10.${n >> 8}.${n & 255}.1`).join(' ');
    const parts = await over('10.0.0.0/8', `v=spf1 ${terms} -all`);
    expect(parts.length).toBeGreaterThan(128);
  });
});

test('says of every address what an evaluation of it says', async () => {
  const term = fc.tuple(
    fc.constantFrom('', '-', '~', '?'),
    fc.constantFrom('ip4', 'a', 'include'),
    fc.nat(255),
    fc.integer({ min: 24, max: 32 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(term, { maxLength: 7 }),
      fc.integer({ min: 26, max: 32 }),
      fc.nat(255),
      async (terms, bits, start) => {
        const zone: Zone = {};
        const texts = terms.map(([sign, kind, octet, prefix], n) => {
          if (kind === 'ip4') return `${sign}ip4:192.0.2.${octet}/${prefix}`;
          if (kind === 'include') {
            zone[`i${n}.example.com`] = {
              TXT: [[`v=spf1 ip4:192.0.2.${octet}/${prefix} ?ip4:192.0.2.${(octet + 9) % 256}/30 -all`]],
            };
            return `${sign}include:i${n}.example.com`;
          }
          zone[`h${n}.example.com`] = { A: [`192.0.2.${octet}`] };
          return `${sign}a:h${n}.example.com/${prefix}`;
        });
        zone['example.com'] = { TXT: [[['v=spf1', ...texts, '-all'].join(' ')]] };
        const dns = dnsOf(zone);
        const parts = await spfOver(`192.0.2.${start}/${bits}`, MAIL, dns);
        const size = 2 ** (32 - bits);
        const first = Math.floor(start / size) * size;
        for (let octet = first; octet < first + size; octet++) {
          const mine = parts.filter(
            (part) => Number(part.first.split('.')[3]) <= octet && octet <= Number(part.last.split('.')[3]),
          );
          const { result } = await evaluateSpf({ ip: `192.0.2.${octet}`, ...MAIL }, dns);
          expect(mine.map(({ spf }) => spf)).toEqual([result]);
        }
      },
    ),
    { numRuns: 60 },
  );
});
