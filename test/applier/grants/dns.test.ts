import { afterEach, expect, test } from 'vitest';
import { dnsWorker } from '../../../services/applier/grants/dns.ts';
import type { GrantMeans } from '../../../services/applier/grants/grant-kind.ts';
import { parseServer } from '../../../services/dns/client/servers.ts';
import type { DnsTarget } from '../../../services/shared/settings/dns-servers.ts';
import type { Grant } from '../../../services/store/grants/grants.ts';
import { dnsOf, type Zone } from '../../dns/zone.ts';
import { cname, type FakeServer, startFake, txt } from '../../helpers/dns.ts';

const scope = {
  zone: 'example.com',
  names: ['_acme-challenge.example.com', '.app.example.com'],
  types: ['TXT'],
  operations: ['add'],
  use: 'requests',
  task: null,
};
const grantOf = (given: object = {}, server = 'ns') => ({ server, scope: { ...scope, ...given } }) as unknown as Grant;
const started: FakeServer[] = [];
afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});

const command: DnsTarget = { kind: 'command', name: 'script', zones: ['example.com'], command: ['x'] };
const updated = (server = { address: '192.0.2.1', port: 53 }): DnsTarget => ({
  kind: 'rfc2136',
  name: 'ns',
  zones: ['example.com', 'example.net'],
  server,
  key: { name: 'k', algorithm: 'hmac-sha256' },
  secret: () => Buffer.from('secret'),
});
const meansOf = (dnsTargets: DnsTarget[], zone: Zone = {}, names: string[] | null = null) =>
  ({
    access: { dns: [{ name: 'ns', names }] },
    dnsTargets,
    dns: dnsOf(zone),
    mark: 'm_',
    signal: new AbortController().signal,
  }) as unknown as GrantMeans;

test.each<[string, Grant, GrantMeans, string, string]>([
  ['requests', grantOf(), meansOf([updated()]), 'active', 'Requests in its scope need no further decision.'],
  ['a key', grantOf({ use: 'key' }), meansOf([command, updated()]), 'active', 'The gateway knows the key.'],
  [
    'requests of a program',
    grantOf({}, 'script'),
    meansOf([command]),
    'active',
    'Requests in its scope need no further decision.',
  ],
  [
    'a key for a program',
    grantOf({ use: 'key' }, 'script'),
    meansOf([command]),
    'failed',
    'script takes no updates (RFC 2136): only requests can be lent for it.',
  ],
  [
    'what is gone',
    grantOf({}, 'gone'),
    meansOf([updated()]),
    'failed',
    'The settings (dns.servers) have no server gone with the zone example.com.',
  ],
  [
    'another zone',
    grantOf({ zone: 'example.org', names: ['example.org'] }),
    meansOf([updated()]),
    'failed',
    'The settings (dns.servers) have no server ns with the zone example.org.',
  ],
  [
    'more than is lent',
    grantOf(),
    meansOf([updated()], {}, ['_acme-challenge.example.com']),
    'failed',
    'The settings (access.dns) do not lend .app.example.com at ns.',
  ],
  [
    'as much as is lent',
    grantOf(),
    meansOf([updated()], {}, ['.app.example.com', '_acme-challenge.example.com']),
    'active',
    'Requests in its scope need no further decision.',
  ],
])('lending %s', async (_, grant, means, state, answer) => {
  expect(await dnsWorker.apply(grant, means)).toEqual({ state, answer });
});

test('its end is its row', async () => {
  const ended = { state: 'ended', answer: 'It counts for nothing any more.' };
  expect(await dnsWorker.end({ ...grantOf(), applied_at: null, ends_at: null }, meansOf([]))).toEqual(ended);
});

test('its task is done when all authoritative servers have the record, as it is written', async () => {
  let texts: string[][] = [];
  const fake = await startFake(({ sent, type }) => ({
    answers: type === 'CNAME' ? [cname(sent, 'Target.Vendor.example')] : texts.map((one) => txt(sent, one)),
    flags: 1 << 10,
  }));
  started.push(fake);
  const server = parseServer(fake.server)!;
  const done = async (task: object | null, means = meansOf([command, updated(server)].slice(1))) =>
    dnsWorker.done!(grantOf({ task }), means);
  const name = '_acme-challenge.example.com';
  const proof = { name, type: 'TXT', value: 'proof' };
  expect(await done(null)).toBeNull();
  expect(await done(proof)).toBeNull();
  texts = [['other'], ['pro', 'of']];
  expect(await done(proof)).toBe(`Its task is done: all authoritative servers have the TXT record of ${name}.`);
  expect(await done({ ...proof, value: 'Proof' })).toBeNull();
  texts = [['other']];
  expect(await done(proof)).toBeNull();
  const alias = { name, type: 'CNAME', value: 'target.VENDOR.example.' };
  expect(await done(alias)).toBe(`Its task is done: all authoritative servers have the CNAME record of ${name}.`);
  expect(await done({ ...alias, value: 'other.vendor.example' })).toBeNull();
  // Nobody says who the servers are, or there is none to ask.
  texts = [['proof']];
  expect(await done(proof, meansOf([updated(server)], { 'example.com': 'unknown' }))).toBeNull();
  expect(await done(proof, meansOf([command]))).toBeNull();
  // One that has no address may have anything.
  expect(await done(proof, meansOf([updated(server)], { 'example.com': { NS: ['ns9.example.com'] } }))).toBeNull();
});
