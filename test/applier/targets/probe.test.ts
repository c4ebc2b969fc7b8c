import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { probeKey } from '../../../services/applier/targets/probe.ts';
import { encodeMessage } from '../../../services/dns/wire/message.ts';
import { readSigned, signMessage, type TsigKey } from '../../../services/dns/wire/tsig.ts';

const KEY: TsigKey = { name: 'ruawatch', algorithm: 'hmac-sha256', secret: Buffer.from('a secret') };
const [A, TXT] = [1, 16];
const [NOERROR, SERVFAIL, REFUSED] = [0, 2, 5];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that answers updates of each type with a code. @returns what the probe says, and what it asked */
async function probe(codes: Record<number, number>) {
  const asked: { type: number; name: string; prerequisites: number }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('data', (bytes) => {
      const { message, tsig } = readSigned(bytes.subarray(2));
      const [change] = message.authorities;
      asked.push({ type: change!.type, name: change!.name, prerequisites: message.answers.length });
      const rcode = codes[change!.type]!;
      const answer = encodeMessage({ ...message, response: true, rcode, answers: [], authorities: [], additionals: [] });
      const signed = signMessage(answer, KEY, { time: tsig!.time, requestMac: tsig!.mac }).bytes;
      socket.end(Buffer.concat([Buffer.of(signed.length >> 8, signed.length & 255), signed]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const secret = Buffer.from(KEY.secret);
  const probed = await probeKey(
    {
      kind: 'rfc2136',
      name: 'primary',
      zones: ['example.com'],
      server: { address: '127.0.0.1', port: (server.address() as { port: number }).port },
      key: { name: KEY.name, algorithm: 'hmac-sha256' },
      secret: () => secret,
    },
    'example.com',
  );
  return { probed, asked, secret };
}

test.each([
  ['may change addresses', { [A]: NOERROR }, { state: 'wide' }, [A]],
  ['may change texts alone', { [A]: REFUSED, [TXT]: NOERROR }, { state: 'narrow' }, [A, TXT]],
  [
    'may change nothing',
    { [A]: REFUSED, [TXT]: REFUSED },
    { state: 'unknown', why: expect.stringMatching(/^The name server refused the change: the key has no right to it/) },
    [A, TXT],
  ],
  [
    'meets a server in trouble',
    { [A]: SERVFAIL, [TXT]: NOERROR },
    { state: 'unknown', why: expect.stringMatching(/SERVFAIL/) },
    [A],
  ],
])('a key that %s', async (_, codes, expected, types) => {
  const { probed, asked, secret } = await probe(codes);
  expect(probed).toEqual(expected);
  expect(asked).toEqual(
    types.map((type) => ({ type, name: expect.stringMatching(/^ruawatch-probe-[0-9a-f]{16}\.example\.com$/), prerequisites: 0 })),
  );
  // One name, which nobody has.
  expect(new Set(asked.map(({ name }) => name)).size).toBe(1);
  // The secret is kept no longer than the question takes.
  expect(secret).toEqual(Buffer.alloc(KEY.secret.length));
});

test('a secret that cannot be read is said, and nothing is asked', async () => {
  const target = {
    kind: 'rfc2136' as const,
    name: 'primary',
    zones: ['example.com'],
    server: { address: '127.0.0.1', port: 1 },
    key: { name: 'k', algorithm: 'hmac-sha256' as const },
    secret: () => {
      throw new Error('the file is gone');
    },
  };
  expect(await probeKey(target, 'example.com')).toEqual({ state: 'unknown', why: 'the file is gone' });
});
