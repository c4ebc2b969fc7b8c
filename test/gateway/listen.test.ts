import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Answering, type Listening, listen } from '../../services/gateway/listen.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { until } from '../helpers/services.ts';

/** Octets of a message. */
const MOST = 32 * 1024;
const log = createLog('silent');
const echo: Answering = async (bytes, { client, udp }) => Buffer.from(`${udp ? 'udp' : 'tcp'} ${client} ${bytes.toString()}`);
const framed = (text: string | Buffer) => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
};

/** What answers wait for until the test opens it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

let running: Listening | null = null;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await running?.close();
  running = null;
});
async function start(answer: Answering = echo, host = '127.0.0.1'): Promise<number> {
  running = await listen({ host, port: 0 }, answer, log);
  return running.port;
}

interface Client {
  socket: Socket;
  /** The port that it comes from. */
  from: number;
  said(): string[];
  closed(): boolean;
}
async function open(port: number, { host = '127.0.0.1', from }: { host?: string; from?: string } = {}): Promise<Client> {
  const socket = connect({ port, host, ...(from !== undefined && { localAddress: from }) });
  sockets.push(socket);
  let bytes = Buffer.alloc(0);
  let closed = false;
  socket.on('data', (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    closed = true;
  });
  await once(socket, 'connect');
  const said = () => {
    const messages: string[] = [];
    for (let at = 0; at + 2 <= bytes.length; at += bytes.readUInt16BE(at) + 2)
      messages.push(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at)).toString());
    return messages;
  };
  return { socket, from: socket.localPort!, said, closed: () => closed };
}

/** Sends a datagram, and resolves with the answer. */
async function datagram(port: number, text: string | Buffer, host = '127.0.0.1'): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.send(text, port, host);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    return answer.toString().replace(`:${socket.address().port} `, ':PORT ');
  } finally {
    socket.close();
  }
}

describe('over TCP', () => {
  test('messages of a connection are answered in their order, however they are cut into pieces', async () => {
    const client = await open(await start());
    const bytes = Buffer.concat([framed('one'), framed('two'), framed('three')]);
    for (const piece of [bytes.subarray(0, 1), bytes.subarray(1, 4), bytes.subarray(4, 12), bytes.subarray(12)]) {
      client.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = (text: string) => `tcp 127.0.0.1:${client.from} ${text}`;
    await until(() => client.said().length === 3);
    expect(client.said()).toEqual([told('one'), told('two'), told('three')]);
  });

  test('what is not answered says nothing, and the connection goes on', async () => {
    const client = await open(await start(async (bytes) => (bytes.toString() === 'no' ? null : bytes)));
    client.socket.write(Buffer.concat([framed('no'), framed('yes')]));
    await until(() => client.said().length === 1);
    expect(client.said()).toEqual(['yes']);
    expect(client.closed()).toBe(false);
  });

  test('a message as long as is allowed is answered; a longer one closes the connection before it is there', async () => {
    const port = await start(async (bytes) => Buffer.from(String(bytes.length)));
    const client = await open(port);
    client.socket.write(framed(Buffer.alloc(MOST)));
    await until(() => client.said().length === 1);
    expect(client.said()).toEqual([String(MOST)]);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(MOST + 1);
    client.socket.write(size);
    await until(client.closed);
    const whole = await open(port);
    whole.socket.write(framed(Buffer.alloc(MOST + 1)));
    await until(whole.closed);
    expect(whole.said()).toEqual([]);
  });

  test('a hundred messages, and no more', async () => {
    const client = await open(await start());
    client.socket.write(Buffer.concat(Array.from({ length: 100 }, (_, i) => framed(`${i}`))));
    await until(() => client.said().length === 100);
    expect(client.closed()).toBe(false);
    client.socket.write(framed('more'));
    await until(client.closed);
    expect(client.said().length).toBe(100);
  });

  test('one connection more than a network may have closes its longest silent one, and no busy one', async () => {
    const { promise: held, resolve: release } = gate();
    let asked = 0;
    const port = await start(async (bytes) => {
      asked++;
      if (bytes.toString() === 'wait') await held;
      return bytes;
    });
    const busy = await open(port);
    busy.socket.write(framed('wait'));
    await until(() => asked === 1);
    const neighbour = await open(port, { from: '127.0.0.2' });
    const others: Client[] = [];
    for (let i = 0; i < 19; i++) others.push(await open(port));
    // All twenty are served: none has been closed.
    others.at(-1)!.socket.write(framed('here'));
    await until(() => others.at(-1)!.said().length === 1);
    expect(others.filter((one) => one.closed())).toEqual([]);
    const last = await open(port);
    last.socket.write(framed('me'));
    await until(() => last.said().length === 1);
    await until(others[0]!.closed);
    expect([busy, neighbour, ...others.slice(1)].filter((one) => one.closed())).toEqual([]);
    release();
    await until(() => busy.said().length === 1);
    // It is the first of those that are silent now.
    await open(port);
    await until(busy.closed);
  });

  test('where a network has only busy ones, the next is closed', async () => {
    const { promise: held, resolve: release } = gate();
    let asked = 0;
    const port = await start(async (bytes) => {
      asked++;
      await held;
      return bytes;
    });
    const clients: Client[] = [];
    for (let i = 0; i < 20; i++) clients.push(await open(port));
    for (const client of clients) client.socket.write(framed('wait'));
    await until(() => asked === 20);
    const last = await open(port);
    await until(last.closed);
    release();
    await until(() => clients.every((one) => one.said().length === 1));
  });

  test('one more than a hundred connections closes one of the network that has most', async () => {
    const port = await start();
    const clients: Client[] = [];
    for (const [network, n] of [
      ['127.0.0.2', 16],
      ['127.0.0.3', 18],
      ['127.0.0.4', 17],
      ['127.0.0.5', 17],
      ['127.0.0.6', 16],
      ['127.0.0.7', 16],
    ] as const)
      for (let i = 0; i < n; i++) clients.push(await open(port, { from: network }));
    clients.at(-1)!.socket.write(framed('here'));
    await until(() => clients.at(-1)!.said().length === 1);
    expect(clients.filter((one) => one.closed())).toEqual([]);
    const last = await open(port, { from: '127.0.0.8' });
    last.socket.write(framed('me'));
    await until(() => last.said().length === 1);
    await until(clients[16]!.closed);
    expect(clients.filter((one) => one.closed()).length).toBe(1);
  });

  test('a connection that its client breaks off is forgotten', async () => {
    const port = await start();
    const gone = await open(port);
    gone.socket.write(framed('half').subarray(0, 3));
    gone.socket.resetAndDestroy();
    const other = await open(port);
    other.socket.write(framed('x'));
    await until(() => other.said().length === 1);
  });
});

describe('over UDP', () => {
  test('a datagram is answered to where it came from', async () => {
    expect(await datagram(await start(), 'x')).toBe('udp 127.0.0.1:PORT x');
  });

  test('over IPv6 as well', async () => {
    const port = await start(echo, '::1');
    expect(await datagram(port, 'x', '::1')).toBe('udp ::1:PORT x');
    const client = await open(port, { host: '::1' });
    client.socket.write(framed('y'));
    await until(() => client.said().length === 1);
  });

  test('a longer one than is allowed is not looked at', async () => {
    const lengths: number[] = [];
    const port = await start(async (bytes) => {
      lengths.push(bytes.length);
      return bytes;
    });
    const socket = createSocket('udp4');
    socket.send(Buffer.alloc(MOST + 1), port, '127.0.0.1');
    socket.send(Buffer.alloc(MOST), port, '127.0.0.1');
    await until(() => lengths.length > 0);
    socket.close();
    expect(lengths).toEqual([MOST]);
  });

  test('while 32 messages are being answered, datagrams are dropped', async () => {
    const { promise: held, resolve: release } = gate();
    const asked: string[] = [];
    const port = await start(async (bytes) => {
      asked.push(bytes.toString());
      if (bytes.toString() !== 'after') await held;
      return bytes;
    });
    const socket = createSocket('udp4');
    try {
      for (let i = 0; i < 32; i++) socket.send(`${i}`, port, '127.0.0.1');
      await until(() => asked.length === 32);
      socket.send('dropped', port, '127.0.0.1');
      // Over TCP one is heard even then: when it is, the datagram has been looked at.
      const client = await open(port);
      client.socket.write(framed('tcp'));
      await until(() => asked.includes('tcp'));
      release();
      await until(() => client.said().length === 1);
      expect(await datagram(port, 'after')).toBe('after');
      expect(asked).not.toContain('dropped');
    } finally {
      socket.close();
    }
  });
});

test('closing finishes what is being answered, and ends the connections that are silent', async () => {
  const { promise: held, resolve: release } = gate();
  let asked = 0;
  const port = await start(async (bytes) => {
    asked++;
    await held;
    return bytes;
  });
  const silent = await open(port);
  const busy = await open(port);
  busy.socket.write(framed('last'));
  await until(() => asked === 1);
  let closed = false;
  const closing = running!.close().then(() => {
    closed = true;
  });
  running = null;
  await until(silent.closed);
  expect([closed, busy.closed()]).toEqual([false, false]);
  release();
  await closing;
  await until(busy.closed);
  expect(busy.said()).toEqual(['last']);
  await expect(open(port)).rejects.toThrow(/ECONNREFUSED/);
});

test('what is answered by UDP after the end goes nowhere, and breaks nothing', async () => {
  const { promise: held, resolve: release } = gate();
  let asked = 0;
  const port = await start(async (bytes) => {
    asked++;
    await held;
    return bytes;
  });
  const socket = createSocket('udp4');
  socket.send('late', port, '127.0.0.1');
  await until(() => asked === 1);
  const closed = running!.close();
  running = null;
  release();
  await closed;
  // What is thrown there would be an error that nobody catches: it is told after this turn.
  await new Promise((resolve) => setImmediate(resolve));
  socket.close();
});

test('an address that is in use is said, and nothing is listened on', async () => {
  const port = await start();
  await expect(listen({ host: '127.0.0.1', port }, echo, log)).rejects.toThrow(
    new RegExp(`^The gateway cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*\\. Correct gateway\\.listen\\.$`),
  );
});

test('where only the UDP port is in use, the TCP port is left as well', async () => {
  const taken = createSocket('udp4');
  await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
  const { port } = taken.address();
  try {
    await expect(listen({ host: '127.0.0.1', port }, echo, log)).rejects.toThrow(/EADDRINUSE/);
    await expect(open(port)).rejects.toThrow(/ECONNREFUSED/);
  } finally {
    await new Promise<void>((resolve) => taken.close(() => resolve()));
  }
});
