import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { encodeMessage } from '../../../services/dns/wire/message.ts';
import { sendUpdate } from '../../../services/dns/wire/send.ts';
import { readSigned, signMessage, type TsigKey } from '../../../services/dns/wire/tsig.ts';
import type { Update } from '../../../services/dns/wire/update.ts';
import { freePort } from '../../helpers/services.ts';

const key: TsigKey = { name: 'key.example', algorithm: 'hmac-sha512', secret: Buffer.from('a secret') };
const update: Update = {
  zone: 'example.com',
  prerequisites: [{ kind: 'absent', name: 'a.example.com', type: 'TXT' }],
  changes: [{ kind: 'add', name: 'a.example.com', type: 'TXT', ttl: 60, data: ['a'] }],
};
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that does with the octets of an update what the test wants. */
async function serve(reply: (request: Buffer, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let received = Buffer.alloc(0);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      if (received.length >= 2 && received.length === received.readUInt16BE(0) + 2) reply(received.subarray(2), socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { address: '127.0.0.1', port: address.port };
}

const framed = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
function acceptance(request: Buffer, time: number): Buffer {
  const { message, tsig } = readSigned(request);
  const answer = encodeMessage({ ...message, response: true, answers: [], authorities: [], additionals: [] });
  return signMessage(answer, key, { time, requestMac: tsig!.mac }).bytes;
}

test('an answer that comes octet by octet; the clock is the one that is given', async () => {
  const server = await serve((request, socket) => {
    expect(readSigned(request).tsig!.time).toBe(1_000_000);
    let at = 0;
    const answer = framed(acceptance(request, 1_000_042));
    const next = () => {
      socket.write(answer.subarray(at, ++at));
      if (at < answer.length) setImmediate(next);
    };
    next();
  });
  expect(await sendUpdate(server, key, update, { now: () => 1_000_000_000 })).toEqual({ state: 'accepted', drift: 42 });
});

test('octets behind the answer are no part of it', async () => {
  const server = await serve((request, socket) =>
    socket.write(Buffer.concat([framed(acceptance(request, 1_000_000)), Buffer.of(0, 1, 2)])),
  );
  expect(await sendUpdate(server, key, update, { now: () => 1_000_000_000 })).toEqual({ state: 'accepted', drift: 0 });
});

test('after the message was sent, nothing but a proven answer ends the doubt', async () => {
  const states = async (reply: (request: Buffer, socket: Socket) => void, timeoutMs = 2_000) =>
    await sendUpdate(await serve(reply), key, update, { timeoutMs });
  expect(await states((_, socket) => socket.destroy())).toMatchObject({ state: 'unknown', reason: 'closed' });
  expect(await states((_, socket) => socket.end(Buffer.of(0, 50, 1)))).toMatchObject({ state: 'unknown', reason: 'closed' });
  expect(await states(() => undefined, 100)).toMatchObject({ state: 'unknown', reason: 'timeout' });
  expect(await states((_, socket) => socket.write(Buffer.of(255, 255)), 100)).toMatchObject({
    state: 'unknown',
    reason: 'timeout',
  });
  expect(await states((_, socket) => socket.write(framed(Buffer.from('hello'))))).toMatchObject({
    state: 'unknown',
    reason: 'malformed',
  });
  expect(await states((_, socket) => socket.write(Buffer.of(0, 0)))).toMatchObject({ state: 'unknown', reason: 'malformed' });
  const flood = Buffer.alloc(1_000_000, 255);
  expect(await states((_, socket) => socket.write(flood))).toMatchObject({ state: 'unknown', reason: 'malformed' });
});

test('a cancelled update: not sent, or unknown', async () => {
  const stop = new AbortController();
  const server = await serve(() => stop.abort());
  expect(await sendUpdate(server, key, update, { signal: stop.signal })).toMatchObject({ state: 'unknown', reason: 'cancelled' });
  expect(await sendUpdate(server, key, update, { signal: stop.signal })).toMatchObject({
    state: 'not_sent',
    reason: 'cancelled',
  });
});

test('what never left is told apart', async () => {
  const nobody = { address: '127.0.0.1', port: await freePort() };
  expect(await sendUpdate(nobody, key, update)).toMatchObject({ state: 'not_sent', reason: 'unreachable' });
  const odd: Update = { ...update, changes: [{ kind: 'add', name: 'a', type: 'TXT', ttl: 0, data: ['a'.repeat(256)] }] };
  expect(await sendUpdate(nobody, key, odd)).toMatchObject({
    state: 'not_sent',
    reason: 'unencodable',
    message: 'The change was not sent: a string has 256 octets, and 255 are allowed.',
  });
});
