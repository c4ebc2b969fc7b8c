import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import type { DnsClient } from '../../../services/dns/client/client.ts';
import { parseServer, serversOfResolvConf } from '../../../services/dns/client/servers.ts';
import { openDns } from '../../../services/shared/runtime/resolver.ts';
import { type FakeServer, startFake } from '../../helpers/dns.ts';
import { knotPresent, type NameServer, startKnot } from '../../helpers/knot.ts';
import { bindPresent, type RunningServer, startBind, startUnbound, unboundPresent } from '../../helpers/nameservers.ts';

const SIXTY = Array.from({ length: 60 }, (_, i) => `${i}:${'x'.repeat(100)}`);
const ZONES = {
  'good.example': [
    '@ A 192.0.2.1',
    '@ AAAA 2001:db8:0:0:1:0:0:1',
    'mail MX 10 A.good.example.',
    'mail MX 20 b.good.example.',

    `sixty TXT ${SIXTY.map((text) => `"${text}"`).join(' ')}`,
    ...Array.from({ length: 300 }, (_, i) => `many MX ${i} mx${i}.good.example.`),
    'octets TXT "a\\"b\\\\c\\007\\255" "" "d"',
    'www CNAME @',
    'out CNAME www.other.example.',
    'dangling CNAME nothing.good.example.',
    'circle CNAME circle2',
    'circle2 CNAME circle',
    'below.empty A 192.0.2.3',
    '_25._tcp TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    'key DNSKEY 257 3 13 AQID',
    'odd\\.label PTR a\\.b.good.example.',
    '*.wild TXT "any"',
  ],
  'other.example': ['www A 192.0.2.2'],
  'broken.example': null,
};

/** What every server must be understood to say, whether it holds the zones or asks for them. */
const sayings = (dns: () => DnsClient) => {
  test('records of every type', async () => {
    const ask = async (name: string, type: Parameters<DnsClient['ask']>[1]) => {
      const answer = await dns().ask(name, type);
      return answer.state === 'records' ? answer.records : answer;
    };
    expect(await ask('good.example', 'A')).toEqual(['192.0.2.1']);
    expect(await ask('good.example', 'AAAA')).toEqual(['2001:db8::1:0:0:1']);
    expect(await ask('mail.good.example', 'MX')).toHaveLength(2);
    expect(await ask('good.example', 'NS')).toEqual(['ns.good.example']);
    expect(await ask('good.example', 'SOA')).toMatchObject([{ rname: 'hostmaster.good.example', minimum: 60, refresh: 3600 }]);
    expect(await ask('octets.good.example', 'TXT')).toEqual([['a"b\\c\x07\xff', '', 'd']]);
    expect(await ask('www.good.example', 'CNAME')).toEqual(['good.example']);
    expect(await ask('_25._tcp.good.example', 'TLSA')).toMatchObject([{ usage: 3, selector: 1, matching: 1 }]);
    expect(await ask('key.good.example', 'DNSKEY')).toMatchObject([
      { flags: 257, protocol: 3, algorithm: 13, key: Uint8Array.of(1, 2, 3) },
    ]);
    expect(await ask('x.wild.good.example', 'TXT')).toEqual([['any']]);
  });

  test('what does not fit a packet comes over TCP', async () => {
    expect(await dns().ask('sixty.good.example', 'TXT')).toMatchObject({ records: [SIXTY] });
    const many = await dns().ask('many.good.example', 'MX');
    expect(many.state === 'records' && new Set(many.records.map(({ exchange }) => exchange)).size).toBe(300);
  });

  test('none of this type, no such name, and nobody can say', async () => {
    expect(await dns().ask('good.example', 'TXT')).toMatchObject({ state: 'nodata', ttl: 60 });
    expect(await dns().ask('empty.good.example', 'A')).toMatchObject({ state: 'nodata' });
    expect(await dns().ask('nothing.good.example', 'A')).toMatchObject({ state: 'nxdomain', ttl: 60 });
    expect(await dns().ask('dangling.good.example', 'A')).toMatchObject({ state: 'nxdomain', aliases: ['nothing.good.example'] });
    expect(await dns().ask('a.broken.example', 'A')).toMatchObject({ state: 'unknown', reason: 'servfail' });
  });

  test('CNAME records into another zone, and in a circle', async () => {
    expect(await dns().ask('out.good.example', 'A')).toMatchObject({ records: ['192.0.2.2'], aliases: ['www.other.example'] });
    expect(await dns().ask('circle.good.example', 'A')).toMatchObject({ state: 'unknown' });
  });
};

describe.skipIf(!knotPresent)(`Knot${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let knot: NameServer;
  let dns: DnsClient;
  beforeAll(async () => {
    knot = await startKnot(ZONES);
    dns = openDns([knot.server], { tries: 1 });
  });
  afterAll(() => knot.stop());
  sayings(() => dns);

  test('a zone that it does not hold is unknown', async () => {
    expect(await dns.ask('elsewhere.test', 'A')).toMatchObject({ state: 'unknown', reason: 'refused' });
  });
});

describe.skipIf(!bindPresent)(`BIND${bindPresent ? '' : ' (SKIPPED: bind9 is not installed)'}`, () => {
  let bind: RunningServer;
  let dns: DnsClient;
  beforeAll(async () => {
    bind = await startBind(ZONES);
    dns = openDns([bind.server], { tries: 1, recursive: false });
  });
  afterAll(() => bind.stop());
  sayings(() => dns);

  test('a zone that it does not hold is unknown', async () => {
    expect(await dns.ask('elsewhere.test', 'A')).toMatchObject({ state: 'unknown', reason: 'refused' });
  });
});

const both = knotPresent && unboundPresent;
describe.skipIf(!both)(`Unbound before Knot${both ? '' : ' (SKIPPED: knot or unbound is not installed)'}`, () => {
  let knot: NameServer;
  let silent: FakeServer;
  let lame: FakeServer;
  let unbound: RunningServer;
  let dns: DnsClient;
  beforeAll(async () => {
    knot = await startKnot(ZONES);
    silent = await startFake(() => null);
    lame = await startFake(() => ({ flags: 0, authorities: [{ name: '.', type: 'NS', ttl: 60, data: 'a.root.example' }] }));
    const port = parseServer(knot.server)!.port;
    unbound = await startUnbound({
      'good.example': port,
      'other.example': port,
      'broken.example': port,
      'silent.example': silent.port,
      'lame.example': lame.port,
    });
    dns = openDns([unbound.server], { tries: 1, timeoutMs: 2_000 });
  });
  afterAll(async () => {
    await unbound.stop();
    for (const server of [knot, silent, lame]) await server.stop();
  });
  sayings(() => dns);

  test('a server behind it that is lame, or silent, is unknown', async () => {
    expect(await dns.ask('a.lame.example', 'A')).toMatchObject({ state: 'unknown' });
    expect(await dns.ask('a.silent.example', 'A')).toMatchObject({ state: 'unknown', reason: 'timeout' });
  });
});

const validating = bindPresent && unboundPresent;
describe.skipIf(!validating)(`a validating Unbound${validating ? '' : ' (SKIPPED: bind9 or unbound is not installed)'}`, () => {
  test('says of signed zones that it validated them, and of forged ones nothing', { timeout: 60_000 }, async () => {
    const zones = {
      'signed.example': ['@ A 192.0.2.1'],
      'plain.example': ['@ A 192.0.2.2'],
      'forged.example': ['@ A 192.0.2.3'],
    };
    const bind = await startBind(zones, ['signed.example']);
    const holder = openDns([bind.server], { recursive: false, cacheEntries: 0 });
    let anchor: string | undefined;
    while (anchor === undefined) {
      const answer = await holder.ask('signed.example', 'DNSKEY');
      const key = answer.state === 'records' ? answer.records.find(({ flags }) => flags === 257) : undefined;
      if (key !== undefined) anchor = `DNSKEY 257 ${key.protocol} ${key.algorithm} ${Buffer.from(key.key).toString('base64')}`;
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const stubs = Object.fromEntries(Object.keys(zones).map((zone) => [zone, bind.port]));
    const unbound = await startUnbound(stubs, [`signed.example. ${anchor}`, `forged.example. ${anchor}`]);
    const dns = openDns([unbound.server], { tries: 1 });
    // The key signs a moment later than it is published.
    await expect
      .poll(() => dns.ask('signed.example', 'A'), { timeout: 20_000, interval: 200 })
      .toMatchObject({ state: 'records', records: ['192.0.2.1'], authenticated: true });
    expect(await dns.ask('plain.example', 'A')).toMatchObject({ state: 'records', authenticated: false });
    // What is bogus is refused, with a reason, and told by a resolver that is asked not to validate.
    const refused = await dns.ask('forged.example', 'A');
    expect(refused).toMatchObject({ state: 'unknown', reason: 'servfail', extended: expect.stringMatching(/signatures|key/) });
    expect(await dns.ask('forged.example', 'A', { unchecked: true })).toMatchObject({ state: 'records', records: ['192.0.2.3'] });
    expect(await dns.ask('forged.example', 'A')).toMatchObject({ state: 'unknown' });
    const { findings } = await checkDomain('forged.example', dns);
    expect(findings[0]).toMatchObject({
      code: 'dnssec_bogus',
      message: expect.stringContaining('DNSSEC of forged.example is broken ('),
    });
    await unbound.stop();
    await bind.stop();
  });
});

test.each([
  ['192.0.2.53', { address: '192.0.2.53', port: 53 }],
  ['192.0.2.53:5353', { address: '192.0.2.53', port: 5353 }],
  ['2001:db8::53', { address: '2001:db8::53', port: 53 }],
  ['[2001:db8::53]:5353', { address: '2001:db8::53', port: 5353 }],
  ['[fe80::1%eth0]:53', { address: 'fe80::1%eth0', port: 53 }],
  ['ns.example', null],
  ['192.0.2.53:0', null],
  ['192.0.2.53:65536', null],
  ['', null],
])('the server %s', (text, server) => {
  expect(parseServer(text)).toEqual(server);
});

test('resolv.conf gives its servers, or the loopback address', () => {
  const text = '# nameserver 192.0.2.1\nsearch example\n nameserver 192.0.2.2 \r\nnameserver fe80::1%eth0\nnameserver nowhere\n';
  expect(serversOfResolvConf(text).map(({ address }) => address)).toEqual(['192.0.2.2', 'fe80::1%eth0']);
  expect(serversOfResolvConf('options edns0\n')).toEqual([{ address: '127.0.0.1', port: 53 }]);
});
