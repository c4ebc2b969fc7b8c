import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gates } from '../../services/console/gate.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { rulesOf } from '../requests/sample.ts';
import { type TestConsole, testConsole } from './setup.ts';

let c: TestConsole;
let server: Socket;
/** A name server that says nothing, until the test is over: then it refuses. */
let silent = true;

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (asked, from) => {
    if (silent) return;
    const refused = Buffer.from(asked);
    refused[2] = 0x80 | (asked[2]! & 0x01);
    refused[3] = 5;
    server.send(refused, from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  c = await testConsole();
  c.context.config.dnsServers = [`127.0.0.1:${port}`];
  c.context.config.approvals.rules = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
  await putOwn(c.t.db, ['example.com'], 'added', { word: { by: 'test', why: 'x' }, now: new Date(), ignored: true });
});
afterAll(async () => {
  await c.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('plans whose name servers are silent, of one person and of many, keep nobody from a page', async () => {
  const value = `v=spf1 ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `include:a${n}.silent.example`).join(' ')} -all`;
  const body = { kind: 'dns.change', domain: 'example.com', why: 'x', value };
  const busy = await Promise.all([1, 2, 3, 4].map(() => c.person('operator', ['example.com'])));
  let answered = 0;
  const asked = [...busy, ...busy].map(async (person) => {
    const answer = await person.api('POST', '/api/v1/requests', body);
    answered++;
    return answer;
  });
  // Each of them has begun: there is a question about its record.
  await new Promise<void>((resolve) => {
    let heard = 0;
    server.on('message', () => ++heard === busy.length && resolve());
  });
  const reader = await c.person('viewer', ['example.com']);
  expect((await reader.get('/findings')).statusCode).toBe(200);
  expect(answered).toBe(0);
  silent = false;
  await Promise.all(asked);
});

test('passwords that are tried from many addresses keep nobody from a page', async () => {
  const reader = await c.person('viewer', ['example.com']);
  const browser = c.stranger();
  const form = /name="form" value="([^"]+)"/.exec((await browser.get('/sign-in')).body)![1]!;
  let answered = 0;
  const tries = Array.from({ length: 24 }, async (_, n) => {
    const answer = await browser.raw({
      method: 'POST',
      url: '/sign-in',
      remoteAddress: `192.0.2.${n + 1}`,
      payload: new URLSearchParams({ form, name: `nobody${n}`, password: 'guessed guessed' }).toString(),
      headers: { origin: 'http://localhost:9808', 'content-type': 'application/x-www-form-urlencoded' },
    });
    answered++;
    return answer.statusCode;
  });
  expect((await reader.get('/findings')).statusCode).toBe(200);
  // In one line with the passwords, it would have come after all but those that are tried at once.
  expect(answered).toBeLessThan(tries.length / 2);
  expect(new Set(await Promise.all(tries))).toEqual(new Set([403]));
});

test('of what waits for other servers, a person has one at once, and too much is refused', async () => {
  const gates = new Gates();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const wait = (person: number) =>
    gates.run({ waitsFor: 'servers', person }, () => {
      begun.push(person);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const all = [1, 1, 1, 1, 2].map(wait);
  await expect(wait(1)).rejects.toMatchObject({ status: 503, code: 'busy' });
  expect(begun).toEqual([1, 2]);
  // Nothing of that is in the way of what asks the database, or of passwords.
  expect(await gates.run({ person: 1 }, async () => 'page')).toBe('page');
  expect(await gates.run({ waitsFor: 'passwords', person: null }, async () => 'signed in')).toBe('signed in');
  for (let at = 0; at < 5; at++) {
    ends[at]!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  expect(begun).toEqual([1, 2, 1, 1, 1]);
});
