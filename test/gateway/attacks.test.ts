import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeMessage, type RawMessage, type RawRecord } from '../../services/dns/wire/message.ts';
import { readSigned, signMessage } from '../../services/dns/wire/tsig.ts';
import type { LentKey } from '../../services/gateway/ledger.ts';
import { until } from '../helpers/services.ts';
import { exchangeBytes, startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { type RunningGateway, recordsAt, startTestGateway } from './setup.ts';

const ZONE = 'example.com';
const UPSTREAM = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const LENT = { name: 'lent', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const ALIAS = Buffer.from('\u0004evil\u0007example\u0003net\0', 'latin1');
const NOTHING = Buffer.alloc(0);
/** Hosts, keys and policies that the domain names, or is an alias of. */
const INDIRECT = [
  'out A 192.0.2.1',
  'relay A 192.0.2.9',
  '_spf TXT "v=spf1 a:out.example.com mx:lists.example.com exists:%{i}._ex.example.com -all"',
  'lists MX 10 relay.example.com.',
  'shop TXT "v=spf1 a:host.shop.example.com -all"',
  'host.shop A 192.0.2.3',
  's2._domainkey CNAME s2.keys.example.com.',
  's2.keys TXT "v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"',
  '*.wild TXT "v=spf1 -all"',
  '*.led CNAME host.shop.example.com.',
];
const IN = '_acme-challenge.example.com';
const record = (change: Partial<RawRecord> = {}): RawRecord => ({
  name: IN,
  type: 16,
  class: 1,
  ttl: 60,
  rdata: text('x'),
  ...change,
});
const remove = (change: Partial<RawRecord> = {}) => record({ class: 255, ttl: 0, rdata: NOTHING, ...change });
const removeOne = (change: Partial<RawRecord> = {}) => record({ class: 254, ttl: 0, ...change });
const address = (label: string, last: number) =>
  record({ name: `${label}.${ZONE}`, type: 1, rdata: Buffer.from([203, 0, 113, last]) });
const message = (change: Partial<RawMessage> = {}): RawMessage => ({
  id: 1,
  opcode: 5,
  response: false,
  flags: 0,
  rcode: 0,
  questions: [{ name: ZONE, type: 6, class: 1 }],
  answers: [],
  authorities: [record()],
  additionals: [],
  ...change,
});
const steps = (...authorities: RawRecord[]) => message({ authorities });
const before = (...answers: RawRecord[]) => message({ answers });

describe.runIf(updatable.knot)(`attacks on the gateway${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let upstream: UpdateServer;
  let gateway: RunningGateway;
  let lent: LentKey;
  beforeAll(async () => {
    upstream = await startUpdatableKnot({
      zone: ZONE,
      records: [
        '@ TXT "v=spf1 ip4:192.0.2.1 include:_spf.example.com -all"',
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@example.com"',
        's1._domainkey TXT "v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"',
        '@ MX 10 mx.example.com.',
        'mx A 192.0.2.1',
        '_mta-sts TXT "v=STSv1; id=1"',
        '_dmarc.news TXT "v=DMARC1; p=reject"',
        'full.app TXT "kept"',
        'alias.app CNAME host.example.com.',
        'sub NS ns.sub.example.com.',
        'ns.sub A 127.0.0.1',
        ...INDIRECT,
      ],
      keys: [UPSTREAM],
    });
    const key = { name: UPSTREAM.name, algorithm: UPSTREAM.algorithm };
    const secret = () => Buffer.from(UPSTREAM.secret);
    gateway = await startTestGateway(
      [{ kind: 'rfc2136', name: 'primary', zones: [ZONE], server: upstream.server, key, secret }],
      upstream.server,
      ZONE,
    );
    gateway.means.mail.seen = async () => ({
      seen: [],
      keys: new Map([
        ['s1._domainkey.example.com', 900],
        ['s2._domainkey.example.com', 90],
      ]),
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  beforeEach(() => {
    lent = {
      ...LENT,
      grant_key: 1,
      scope: { zone: ZONE, names: [IN, '.app.example.com'], types: ['TXT', 'CNAME'], operations: ['add', 'delete'] },
    };
    gateway.ledger.lent = [lent];
  });
  const send = async (bytes: Buffer): Promise<number | null> => {
    const answer = await exchangeBytes(gateway.server, bytes);
    return answer.length === 0 ? null : readSigned(answer).message.rcode;
  };
  const sign = (one: RawMessage) => signMessage(encodeMessage(one), LENT, { time: Math.floor(Date.now() / 1000) }).bytes;
  const state = async () => [
    await recordsAt(upstream.server, ZONE),
    await recordsAt(upstream.server, `_dmarc.${ZONE}`),
    await recordsAt(upstream.server, `s1._domainkey.${ZONE}`),
    await recordsAt(upstream.server, `full.app.${ZONE}`),
    await recordsAt(upstream.server, `alias.app.${ZONE}`, 'CNAME'),
    await recordsAt(upstream.server, IN),
    await recordsAt(upstream.server, ZONE, 'SOA'),
  ];
  const REFUSED = [5];
  const FORMERR = [1];

  test.each<[string, RawMessage, number[]]>([
    ['a name beside the scope', steps(record({ name: `www.${ZONE}` })), REFUSED],
    ['the zone itself', steps(record({ name: ZONE, rdata: text('v=spf1 +all') })), REFUSED],
    ['the name that ".app" is below', steps(record({ name: `app.${ZONE}` })), REFUSED],
    ['a name that ends like one of the scope', steps(record({ name: `xapp.${ZONE}` })), REFUSED],
    ['a name below one that stands for itself', steps(record({ name: `x.${IN}` })), REFUSED],
    ['a dot inside a label', steps(record({ name: `x\\.app.${ZONE}` })), REFUSED],
    ['a dot inside the last label', steps(record({ name: 'a.app.example\\.com' })), [10]],
    ['a wildcard below', steps(record({ name: `*.app.${ZONE}` })), REFUSED],
    ['a wildcard of the zone, in octets', steps(record({ name: `\\042.${ZONE}` })), REFUSED],
    ['a wildcard deeper', steps(record({ name: `*.x.app.${ZONE}` })), REFUSED],
    ['a name outside the zone', steps(record({ name: 'x.app.example.net' })), [10]],
    ['the zone above', message({ questions: [{ name: 'com', type: 6, class: 1 }] }), [9]],
    ['the root zone', message({ questions: [{ name: '.', type: 6, class: 1 }] }), [9]],
    [
      'a zone below',
      message({ questions: [{ name: `app.${ZONE}`, type: 6, class: 1 }], authorities: [record({ name: `x.app.${ZONE}` })] }),
      [9],
    ],
    ['the same zone of another class', message({ questions: [{ name: ZONE, type: 6, class: 3 }] }), [9]],
    ['inside, then outside', steps(record(), record({ name: `www.${ZONE}` })), REFUSED],
    ['outside, then inside', steps(remove({ name: `_dmarc.${ZONE}` }), record()), REFUSED],
    ['deleting all types of a name', steps(remove({ type: 255 })), REFUSED],
    ['deleting all types of the zone itself', steps(remove({ name: ZONE, type: 255 })), REFUSED],
    ['deleting an RRset outside', steps(remove({ name: `_dmarc.${ZONE}` })), REFUSED],
    [
      'deleting one record outside',
      steps(removeOne({ name: ZONE, rdata: text('v=spf1 ip4:192.0.2.1 include:_spf.example.com -all') })),
      REFUSED,
    ],
    ['an alias beside records', steps(record({ name: `full.app.${ZONE}`, type: 5, rdata: ALIAS })), [6]],
    [
      'records taken away for an alias',
      steps(remove({ name: `full.app.${ZONE}` }), record({ name: `full.app.${ZONE}`, type: 5, rdata: ALIAS })),
      REFUSED,
    ],
    ['an alias and records in one update', steps(record({ type: 5, rdata: ALIAS }), record()), REFUSED],
    ['records through an alias', steps(record({ name: `alias.app.${ZONE}` })), [7]],
    ['a type that is not lent', steps(record({ type: 1, rdata: Buffer.from([192, 0, 2, 1]) })), REFUSED],
    ['a delegation', steps(record({ name: `x.app.${ZONE}`, type: 2, rdata: ALIAS })), REFUSED],
    ['a DNAME', steps(record({ name: `x.app.${ZONE}`, type: 39, rdata: ALIAS })), REFUSED],
    ['a DS', steps(record({ name: `x.app.${ZONE}`, type: 43, rdata: Buffer.alloc(36) })), REFUSED],
    ['a record of an unknown type', steps(record({ type: 65_280, rdata: Buffer.from('x') })), REFUSED],
    ['an NSEC', steps(record({ type: 47, rdata: Buffer.from('x') })), REFUSED],
    ['a record of type OPT', steps(record({ type: 41 })), FORMERR],
    ['a record of type AXFR', steps(record({ type: 252 })), FORMERR],
    ['a record of class CHAOS', steps(record({ class: 3 })), FORMERR],
    ['a record without data', steps(record({ rdata: NOTHING })), FORMERR],
    ['a TXT record whose string is cut off', steps(record({ rdata: Buffer.from([9, 120]) })), FORMERR],
    ['a deletion with a TTL', steps(remove({ ttl: 1 })), FORMERR],
    ['a TTL above a week', steps(record({ ttl: 604_801 })), REFUSED],
    ['a TTL below zero', steps(record({ ttl: 0xffff_ffff })), FORMERR],
    ['more than a hundred steps', steps(...Array.from({ length: 101 }, (_, i) => record({ rdata: text(String(i)) }))), REFUSED],
    ['an RRset of many records', steps(...Array.from({ length: 51 }, (_, i) => record({ rdata: text(String(i)) }))), REFUSED],
    [
      'an RRset of many octets',
      steps(...Array.from({ length: 40 }, (_, i) => record({ rdata: text(`${i}`.padEnd(250)) }))),
      REFUSED,
    ],
    ['twenty-one RRsets', steps(...Array.from({ length: 21 }, (_, i) => record({ name: `n${i}.app.${ZONE}` }))), REFUSED],
    ['no step at all', steps(), REFUSED],
    [
      'a prerequisite that asks about others',
      before(record({ name: `secret.${ZONE}`, class: 255, ttl: 0, type: 255, rdata: NOTHING })),
      REFUSED,
    ],
    ['a prerequisite with a TTL', before(record()), FORMERR],
    ['a prerequisite of type AXFR', before(remove({ type: 252 })), FORMERR],
    ['two zones', message({ questions: [...message().questions, ...message().questions] }), FORMERR],
    ['a delegated zone', steps(record({ name: `x.sub.${ZONE}` })), REFUSED],
  ])('%s', async (_, attack, codes) => {
    const was = await state();
    const tries = gateway.ledger.updates.length;
    expect(codes).toContain(await send(sign(attack)));
    expect(await state()).toEqual(was);
    expect(gateway.ledger.updates.slice(tries).every(({ settled }) => settled!.state !== 'applied')).toBe(true);
  });

  test.each<[string, string[], RawMessage]>([
    [
      'a weaker policy by an add that replaces none',
      [`_dmarc.${ZONE}`],
      steps(record({ name: `_dmarc.${ZONE}`, rdata: text('v=DMARC1; p=none') })),
    ],
    ['a key in use, revoked', [`s1._domainkey.${ZONE}`], steps(remove({ name: `s1._domainkey.${ZONE}` }))],
    [
      'a key in use, doubled',
      [`s1._domainkey.${ZONE}`],
      steps(record({ name: `s1._domainkey.${ZONE}`, rdata: text('v=DKIM1; p=') })),
    ],
    ['a second SPF record', [ZONE], steps(record({ name: ZONE, rdata: text('v=spf1 +all') }))],
    ['SPF taken away', [ZONE], steps(remove({ name: ZONE }))],
    ['SPF that admits everybody', [ZONE], steps(remove({ name: ZONE }), record({ name: ZONE, rdata: text('v=spf1 +all') }))],
    ['a policy for a name below that has its own', [`_dmarc.${ZONE}`, '.example.com'], steps(remove({ name: `_dmarc.${ZONE}` }))],
    ['an alias in place of a policy', [`_dmarc.${ZONE}`], steps(record({ name: `_dmarc.${ZONE}`, type: 5, rdata: ALIAS }))],
    ['SPF at the name that a certificate needs', [IN], steps(record({ rdata: text('v=spf1 +all') }))],
    ['SPF there that admits one address', [IN], steps(record({ rdata: text('v=spf1 ip4:203.0.113.66 -all') }))],
    [
      'SPF of a name below that admits everybody',
      ['.app.example.com'],
      steps(record({ name: `x.app.${ZONE}`, rdata: text('v=spf1 +all') })),
    ],
    [
      'the same in two halves',
      ['.app.example.com'],
      steps(record({ name: `x.app.${ZONE}`, rdata: text('v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1') })),
    ],
    [
      'SPF of the domain in two halves',
      [ZONE],
      steps(
        remove({ name: ZONE }),
        record({ name: ZONE, rdata: text('v=spf1 ip4:192.0.2.1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all') }),
      ),
    ],
    [
      'a weaker policy of a name below that does not exist',
      ['.example.com'],
      steps(record({ name: `_dmarc.x.${ZONE}`, rdata: text('v=DMARC1; p=none') })),
    ],
    [
      'a policy of a name below by an alias to a stranger',
      ['.example.com'],
      steps(record({ name: `_dmarc.x.${ZONE}`, type: 5, rdata: ALIAS })),
    ],
    [
      'the policy of a name below, weakened',
      ['.example.com'],
      steps(remove({ name: `_dmarc.news.${ZONE}` }), record({ name: `_dmarc.news.${ZONE}`, rdata: text('v=DMARC1; p=none') })),
    ],
    [
      'mail to the domain, led to a stranger',
      [ZONE],
      steps(record({ name: ZONE, type: 15, rdata: Buffer.concat([Buffer.from([0, 5]), ALIAS]) })),
    ],
    [
      'the address of the mail host, exchanged',
      ['.example.com'],
      steps(
        remove({ name: `mx.${ZONE}`, type: 1 }),
        record({ name: `mx.${ZONE}`, type: 1, rdata: Buffer.from([203, 0, 113, 66]) }),
      ),
    ],
    ['MTA-STS, taken away', ['.example.com'], steps(remove({ name: `_mta-sts.${ZONE}` }))],
    ['a further address of a host that SPF names', ['out.example.com'], steps(address('out', 66))],
    [
      'an IPv6 address of that host',
      ['out.example.com'],
      steps(record({ name: `out.${ZONE}`, type: 28, rdata: Buffer.alloc(16, 32) })),
    ],
    ['a further address of a host behind mx of SPF', ['relay.example.com'], steps(address('relay', 66))],
    [
      'a further host of mx of SPF',
      ['lists.example.com'],
      steps(record({ name: `lists.${ZONE}`, type: 15, rdata: Buffer.concat([Buffer.from([0, 20]), ALIAS]) })),
    ],
    ['a name that exists of SPF asks for', ['._ex.example.com'], steps(address('66.113.0.203._ex', 66))],
    ['all names that exists of SPF asks for', ['*._ex.example.com'], steps(address('*._ex', 66))],
    ['a further address of a host that SPF of a name below has', ['.shop.example.com'], steps(address('host.shop', 66))],
    ['SPF of a name below, taken away', ['shop.example.com'], steps(remove({ name: `shop.${ZONE}` }))],
    [
      'a key in use behind an alias, exchanged',
      ['.keys.example.com'],
      steps(
        remove({ name: `s2.keys.${ZONE}` }),
        record({ name: `s2.keys.${ZONE}`, rdata: text('v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=') }),
      ),
    ],
    [
      'a key in use behind an alias, emptied',
      ['.keys.example.com'],
      steps(remove({ name: `s2.keys.${ZONE}` }), record({ name: `s2.keys.${ZONE}`, rdata: text('v=DKIM1; p=') })),
    ],
    [
      'strict alignment',
      [`_dmarc.${ZONE}`],
      steps(
        remove({ name: `_dmarc.${ZONE}` }),
        record({ name: `_dmarc.${ZONE}`, rdata: text('v=DMARC1; p=reject; adkim=s; rua=mailto:d@example.com') }),
      ),
    ],
    [
      'a domain that says it is a public suffix',
      [`_dmarc.${ZONE}`],
      steps(
        remove({ name: `_dmarc.${ZONE}` }),
        record({ name: `_dmarc.${ZONE}`, rdata: text('v=DMARC1; p=reject; psd=y; rua=mailto:d@example.com') }),
      ),
    ],
    ['MTA-STS, doubled', ['_mta-sts.example.com'], steps(record({ name: `_mta-sts.${ZONE}`, rdata: text('v=STSv1; id=2') }))],
    ['a name in a delegated zone that the scope has', [`.sub.${ZONE}`], steps(record({ name: `x.sub.${ZONE}` }))],
  ])('in the scope, and harmful: %s', async (_, names, attack) => {
    lent.scope.names = names;
    lent.scope.types = ['TXT', 'CNAME', 'MX', 'A', 'AAAA'];
    const was = await state();
    expect([2, 5, 6]).toContain(await send(sign(attack)));
    expect(await state()).toEqual(was);
  });

  test.each([
    ['wild', 'TXT'],
    ['led', 'CNAME'],
  ])('below a wildcard (%s %s), a name gets records of its own and loses them', async (label) => {
    const name = `_acme-challenge.shop.${label}.${ZONE}`;
    lent.scope.names = [name];
    const was = await recordsAt(upstream.server, name);
    expect(await send(sign(steps(record({ name, rdata: text('token') }))))).toBe(0);
    expect(await recordsAt(upstream.server, name)).toEqual(['token']);
    expect(gateway.ledger.updates.at(-1)!.steps[0]!.before.members).toEqual([]);
    expect(await send(sign(steps(removeOne({ name, rdata: text('token') }))))).toBe(0);
    expect(await recordsAt(upstream.server, name)).toEqual(was);
    expect(gateway.ledger.last!.state).toBe('applied');
  });

  test('own records that are those of a wildcard as well are changed', async () => {
    const name = `twin.wild.${ZONE}`;
    lent.scope.names = [name];
    for (const value of ['v=spf1 -all', 'x']) expect(await send(sign(steps(record({ name, rdata: text(value) }))))).toBe(0);
    expect(await send(sign(steps(removeOne({ name, rdata: text('x') }))))).toBe(0);
    expect(await send(sign(steps(record({ name, rdata: text('y') }))))).toBe(0);
    expect(await recordsAt(upstream.server, name)).toEqual(['v=spf1 -all', 'y']);
    expect(await send(sign(steps(remove({ name }))))).toBe(0);
  });

  test('who may only add cannot change what is there', async () => {
    lent.scope.operations = ['add'];
    const was = await state();
    const full = { name: `full.app.${ZONE}` };
    expect(await send(sign(steps(record({ ...full, ttl: 5, rdata: text('kept') }))))).toBe(5);
    expect(await send(sign(steps(record({ ...full, ttl: 5 }))))).toBe(5);
    expect(await send(sign(steps(remove(full))))).toBe(5);
    expect(await send(sign(steps(removeOne({ ...full, rdata: text('kept') }))))).toBe(5);
    expect(await send(sign(steps(record({ name: `alias.app.${ZONE}`, type: 5, rdata: ALIAS }))))).toBe(5);
    expect(await state()).toEqual(was);
  });

  test('who may only delete cannot add', async () => {
    lent.scope.operations = ['delete'];
    expect(await send(sign(steps(record())))).toBe(5);
    expect(await send(sign(steps(remove(), record())))).toBe(5);
  });

  test('records in the additional section go nowhere', async () => {
    expect(
      await send(sign(message({ additionals: [record({ name: `_dmarc.${ZONE}`, rdata: text('v=DMARC1; p=none') })] }))),
    ).toBe(0);
    expect(await recordsAt(upstream.server, `_dmarc.${ZONE}`)).toHaveLength(1);
    expect(await send(sign(steps(remove())))).toBe(0);
  });

  test('the key of another grant has not its scope', async () => {
    const other = {
      ...LENT,
      name: 'other',
      secret: randomBytes(32),
      grant_key: 2,
      scope: { ...lent.scope, names: [`www.${ZONE}`] },
    };
    gateway.ledger.lent = [lent, other];
    const as = (key: typeof LENT, secret = key.secret) =>
      signMessage(
        encodeMessage(steps(record({ name: `www.${ZONE}` }))),
        { ...key, secret },
        { time: Math.floor(Date.now() / 1000) },
      ).bytes;
    expect(await send(as(LENT))).toBe(5);
    expect(await send(as({ ...other, name: 'OTHER' }, LENT.secret))).toBe(9);
    expect(await send(as({ ...LENT, name: 'other' }))).toBe(9);
  });

  test('connections that say nothing, half a message or too long a one do not keep others out', async () => {
    const open = Array.from({ length: 150 }, () => connect({ host: '127.0.0.1', port: gateway.server.port }));
    for (const socket of open) socket.on('error', () => undefined);
    open[0]!.write(Buffer.from([0, 200, 1]));
    open[1]!.write(Buffer.from([255, 255, 1]));
    await until(() => open.filter((one) => one.destroyed || one.readyState === 'closed').length > 100);
    for (const socket of open) socket.destroy();
    await until(async () => (await send(sign(steps(record({ name: `www.${ZONE}` }))))) === 5);
  });

  test('silent connections of many addresses close themselves, and not the one that comes next', async () => {
    const { port } = gateway.server;
    const to = (localAddress: string) => connect({ host: '127.0.0.1', port, localAddress }).on('error', () => undefined);
    const silent = Array.from({ length: 120 }, (_, i) => to(`127.0.0.${2 + (i % 6)}`));
    await until(() => silent.every(({ connecting }) => !connecting));
    const asked = sign(steps(record({ name: `www.${ZONE}` })));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(asked.length);
    for (let i = 0; i < 3; i++) {
      const client = to('127.0.0.1');
      client.write(Buffer.concat([length, asked]));
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(readSigned(answer.subarray(2)).message.rcode).toBe(5);
      client.destroy();
    }
    for (const socket of silent) socket.destroy();
  });
});
