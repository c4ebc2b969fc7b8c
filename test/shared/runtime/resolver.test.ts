import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { isTransient } from '../../../services/shared/errors.ts';
import { openDns, recordsOf, reverseResolver, systemServers, txtResolver } from '../../../services/shared/runtime/resolver.ts';
import { type FakeServer, startFake, txt } from '../../helpers/dns.ts';

let fake: FakeServer | null = null;
afterEach(async () => {
  await fake?.stop();
  fake = null;
});

test('the strings of TXT records come as text, and names without records as none', async () => {
  fake = await startFake(({ name }) =>
    name === 'a.example' ? { answers: [txt(name, ['v=DKIM1; n=', 'schlüssel'])] } : { rcode: 3 },
  );
  const resolver = txtResolver(openDns([fake.server]));
  expect(await resolver.txt('A.example')).toEqual([['v=DKIM1; n=', 'schlüssel']]);
  expect(await resolver.txt('b.example')).toEqual([]);
  // Nobody is asked for what no zone can hold.
  expect(await resolver.txt(`${'x'.repeat(64)}.example`)).toEqual([]);
  expect(fake.asked.map(({ name }) => name)).toEqual(['a.example', 'b.example']);
});

test.each([2, 5, 9])('answer code %i is no answer, and is asked again', async (rcode) => {
  fake = await startFake(() => ({ rcode }));
  const resolver = txtResolver(openDns([fake.server], { tries: 1 }));
  for (let i = 0; i < 2; i++) {
    const error = await resolver.txt('a.example').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'dns_failed', message: expect.stringContaining('a.example') });
    expect(isTransient(error)).toBe(true);
  }
  expect(fake.asked).toHaveLength(2);
});

test('addresses of both families and names are asked for, each time anew', async () => {
  fake = await startFake(({ name, type }) => {
    if (type === 'A') return { answers: [{ type, name, ttl: 300, data: '192.0.2.7' }] };
    if (type === 'AAAA') return { answers: [{ type, name, ttl: 300, data: '2001:db8::7' }] };
    return { answers: [{ type: 'PTR', name, ttl: 300, data: 'host.example' }] };
  });
  const resolver = reverseResolver({ servers: [fake.server] });
  for (let i = 0; i < 2; i++) expect(await resolver.addresses('host.example', 4)).toEqual(['192.0.2.7']);
  for (let i = 0; i < 2; i++) expect(await resolver.addresses('host.example', 6)).toEqual(['2001:db8::7']);
  for (let i = 0; i < 2; i++) expect(await resolver.pointers('7.2.0.192.in-addr.arpa')).toEqual(['host.example']);
  expect(fake.asked.map(({ type }) => type)).toEqual(['A', 'A', 'AAAA', 'AAAA', 'PTR', 'PTR']);
});

test('what is under way ends with a failure when it is cancelled', async () => {
  fake = await startFake(() => null);
  const resolver = reverseResolver({ servers: [fake.server] });
  const question = resolver.pointers('7.113.0.203.in-addr.arpa');
  setTimeout(() => resolver.cancel(), 20);
  await expect(question).rejects.toMatchObject({ code: 'dns_failed', transient: true });
});

test('a server that is none is told', () => {
  expect(() => openDns(['ns.example'])).toThrow(/"ns\.example" is not a name server/);
  expect(() => recordsOf({ state: 'unknown', reason: 'timeout', message: 'Nobody could say.' })).toThrow('Nobody could say.');
});

test('the servers of resolv.conf are read again when the file changes', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-resolv-'));
  const file = path.join(folder, 'resolv.conf');
  let now = 0;
  const servers = systemServers(file, () => now);
  const addresses = () => servers().map(({ address }) => address);
  expect(addresses()).toEqual(['127.0.0.1']);
  writeFileSync(file, 'nameserver 192.0.2.1\n');
  now = 6_000;
  expect(addresses()).toEqual(['192.0.2.1']);
  writeFileSync(file, 'nameserver 192.0.2.2\n');
  utimesSync(file, 1, 1);
  expect(addresses()).toEqual(['192.0.2.1']);
  now = 10_999;
  expect(addresses()).toEqual(['192.0.2.1']);
  now = 11_000;
  expect(addresses()).toEqual(['192.0.2.2']);
  // A file that did not change is not read again.
  writeFileSync(file, 'nameserver 192.0.2.3\n');
  utimesSync(file, 1, 1);
  now = 20_000;
  expect(addresses()).toEqual(['192.0.2.2']);
  rmSync(folder, { recursive: true });
});
