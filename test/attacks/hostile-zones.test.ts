import { type Answer, encode } from 'dns-packet';
import { expect, test } from 'vitest';
import { checkDomain } from '../../services/dns/check/check.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import { stringsOf } from '../../services/dns/zonefile.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { type Asked, type Reply, startFake } from '../helpers/dns.ts';

/**
 * What `dns check` may send and receive for one domain, whatever its name servers answer. A truncated answer
 * is asked for again by TCP.
 */
const MOST_PACKETS = 800;
const MOST_OCTETS = 4 * 1024 * 1024;

const SOA: Answer = {
  name: 'evil.test',
  type: 'SOA',
  ttl: 60,
  data: { mname: 'ns.evil.test', rname: 'a.evil.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
};
const none: Reply = { authorities: [SOA], flags: 0x480 };
const texts = (name: string, ...all: string[]): Reply => ({
  flags: 0x480,
  answers: all.map((text) => ({ name, type: 'TXT', ttl: 60, data: stringsOf(text) }) as Answer),
});
let serial = 0;
/** Names that were never asked for before, so that no cache helps. */
const fresh = (count: number, make: (name: string) => string) =>
  Array.from({ length: count }, () => make(`n${serial++}.evil.test`)).join(' ');

const ZONES: [string, (asked: Asked) => Reply | Reply[], { packets: number }][] = [
  [
    'lame: it refers to another',
    () => ({ authorities: [{ name: 'test', type: 'NS', ttl: 60, data: 'ns.else.test' }] }),
    { packets: 200 },
  ],
  ['SERVFAIL to everything', () => ({ rcode: 2 }), { packets: 200 }],
  ['REFUSED to everything', () => ({ rcode: 5 }), { packets: 200 }],
  ['truncated, over TCP as well', ({ over }) => ({ truncated: true, ...(over === 'tcp' && { flags: 0x280 }) }), { packets: 400 }],
  [
    'every name is an alias of itself',
    ({ name }) => ({ flags: 0x480, answers: [{ name, type: 'CNAME', ttl: 60, data: name }] }),
    { packets: 100 },
  ],
  [
    'every name is an alias of a new one',
    ({ name }) => ({ flags: 0x480, answers: [{ name, type: 'CNAME', ttl: 60, data: `n${serial++}.evil.test` }] }),
    { packets: 400 },
  ],
  [
    'a record that includes itself',
    ({ type, name }) => (type === 'TXT' ? texts(name, `v=spf1 include:${name} include:evil.test -all`) : none),
    { packets: 60 },
  ],
  [
    'a record that redirects to itself',
    ({ type, name }) => (type === 'TXT' ? texts(name, `v=spf1 redirect=${name}`) : none),
    { packets: 60 },
  ],
  [
    'includes without end',
    ({ type, name }) => (type === 'TXT' ? texts(name, `v=spf1 ${fresh(12, (n) => `include:${n}`)} -all`) : none),
    { packets: 200 },
  ],
  [
    'redirects without end',
    ({ type, name }) => (type === 'TXT' ? texts(name, `v=spf1 ${fresh(1, (n) => `redirect=${n}`)}`) : none),
    { packets: 100 },
  ],
  [
    'two hundred look-ups in one record',
    ({ type, name }) =>
      type === 'TXT' ? texts(name, `v=spf1 ${fresh(12, (n) => `a:${n}`)} ${fresh(12, (n) => `exists:${n}`)} -all`) : none,
    { packets: 200 },
  ],
  [
    'three hundred mail hosts',
    ({ type, name }) =>
      type === 'MX'
        ? {
            flags: 0x480,
            answers: Array.from(
              { length: 300 },
              (_, i) => ({ name, type: 'MX', ttl: 60, data: { preference: i, exchange: `m${i}.evil.test` } }) as Answer,
            ),
          }
        : type === 'TXT'
          ? texts(name, 'v=spf1 mx mx:a.evil.test mx:b.evil.test -all')
          : none,
    { packets: 400 },
  ],
  [
    'sixty strings in a record',
    ({ type, name }) =>
      type === 'TXT'
        ? ({ flags: 0x480, answers: [{ name, type: 'TXT', ttl: 60, data: Array<string>(60).fill('x'.repeat(255)) }] } as Reply)
        : none,
    { packets: 150 },
  ],
  [
    'two hundred records at every name',
    ({ type, name }) =>
      type === 'TXT'
        ? texts(name, ...Array.from({ length: 200 }, (_, i) => `v=spf1 v=DMARC1; p=none; v=DKIM1; ${i} ${'y'.repeat(200)}`))
        : none,
    { packets: 200 },
  ],
  [
    'a thousand places for reports',
    ({ type, name }) =>
      type === 'TXT'
        ? texts(name, `v=DMARC1; p=none; rua=${Array.from({ length: 8 }, () => `mailto:a@n${serial++}.evil2.test`).join(',')}`)
        : none,
    { packets: 400 },
  ],
  ['other bytes than an answer', () => Buffer.alloc(500, 255), { packets: 800 }],
];

test.each(ZONES)('%s: a bounded number of questions and octets, and an answer all the same', async (_, reply, { packets }) => {
  let octets = 0;
  const fake = await startFake((asked) => {
    const said = reply(asked);
    for (const one of [said].flat())
      if (one !== null)
        octets += Buffer.isBuffer(one)
          ? one.length
          : encode({
              type: 'response',
              questions: [{ name: asked.name, type: 'TXT' }],
              answers: one.answers ?? [],
              authorities: one.authorities ?? [],
            }).length;
    return said;
  });
  const dns = createDnsClient({ servers: [{ address: '127.0.0.1', port: fake.port }], timeoutMs: 300, tries: 1 });
  const check = await checkDomain('evil.test', dns, {
    selectors: ['a', 'b', 'c'],
    registrable: organizationalDomain,
    timeoutMs: 20_000,
  });
  expect(check.domain).toBe('evil.test');
  expect(check.findings.length).toBeGreaterThan(0);
  expect(fake.asked.length).toBeLessThanOrEqual(Math.min(packets, MOST_PACKETS));
  expect(octets).toBeLessThanOrEqual(MOST_OCTETS);
  // What a stranger wrote is cut, and nothing that he wrote is a code of ours.
  for (const { message } of check.findings) expect(message.length).toBeLessThan(20_000);
  await fake.stop();
});
