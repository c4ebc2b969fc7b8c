import { createSocket, Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Answering, type Listening, listen } from '../../services/gateway/listen.ts';
import { until } from '../helpers/services.ts';

/** Octets of a message. */
const MOST = 32 * 1024;
let lines: object[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
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
  vi.useRealTimers();
  lines = [];
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

/** Waits for what no timer is needed for, and takes few turns of the event loop. */
async function soon(check: () => boolean): Promise<void> {
  for (let turns = 0; !check(); turns++) {
    if (turns === 100_000) throw new Error('It is not so after 100,000 turns of the event loop.');
    await turn();
  }
}

describe('over TCP', () => {
  test('a message of no octets is one', async () => {
    const client = await open(await start(async (bytes) => Buffer.from(`${bytes.length}`)));
    client.socket.write(Buffer.concat([framed(''), framed('ab')]));
    await until(() => client.said().length === 2);
    expect(client.said()).toEqual(['0', '2']);
  });

  test('a connection may be silent for fifteen seconds, from its begin and from each answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { promise: held, resolve: release } = gate();
    let asked = 0;
    const port = await start(async (bytes) => {
      asked++;
      if (bytes.toString() === 'wait') await held;
      return bytes;
    });
    const [silent, talking, slow] = [await open(port), await open(port), await open(port)];
    // All are served.
    talking.socket.write(framed('a'));
    await soon(() => talking.said().length === 1);
    slow.socket.write(framed('wait'));
    await soon(() => asked === 2);
    vi.advanceTimersByTime(14_000);
    talking.socket.write(framed('b'));
    await soon(() => talking.said().length === 2);
    expect([silent, talking, slow].map((one) => one.closed())).toEqual([false, false, false]);
    vi.advanceTimersByTime(1_000);
    await soon(silent.closed);
    vi.advanceTimersByTime(13_999);
    talking.socket.write(framed('c'));
    await soon(() => talking.said().length === 3);
    release();
    await soon(() => slow.said().length === 1);
    vi.advanceTimersByTime(14_999);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect([talking, slow].map((one) => one.closed())).toEqual([false, false]);
    vi.advanceTimersByTime(1);
    await soon(() => talking.closed() && slow.closed());
    expect(vi.getTimerCount()).toBe(0);
  });

  test('one that its client ends leaves no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const port = await start();
    for (const message of ['', framed('half').subarray(0, 3), framed('whole')]) {
      const client = await open(port);
      client.socket.write(message);
      if (message.length > 3) await soon(() => client.said().length === 1);
      else for (let turns = 0; turns < 20; turns++) await turn();
      expect(vi.getTimerCount()).toBe(1);
      client.socket.end();
      await soon(client.closed);
    }
    await soon(() => vi.getTimerCount() === 0);
  });

  test('those that are gone do not count: of twenty a silent one stays when others come and go', async () => {
    const port = await start();
    const first = await open(port);
    for (let i = 0; i < 25; i++) {
      const other = await open(port);
      other.socket.write(framed('x'));
      await soon(() => other.said().length === 1);
      other.socket.end();
      await soon(other.closed);
    }
    first.socket.write(framed('still here'));
    await until(() => first.said().length === 1);
  });

  test('as many as come at once close as many', async () => {
    const port = await start();
    const others: Client[] = [];
    for (let i = 0; i < 20; i++) others.push(await open(port));
    others.at(-1)!.socket.write(framed('here'));
    await until(() => others.at(-1)!.said().length === 1);
    const late = await Promise.all(Array.from({ length: 10 }, () => open(port)));
    for (const one of late) one.socket.write(framed('me'));
    await until(() => late.every((one) => one.said().length === 1));
    await until(() => others.slice(0, 10).every((one) => one.closed()));
    expect(others.slice(10).filter((one) => one.closed())).toEqual([]);
  });

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
      ['127.0.0.4', 16],
      ['127.0.0.5', 18],
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
  /** The socket of the gateway itself: what no client can make happen. */
  const own = (port: number): UdpSocket => {
    const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
    return handles.find((one): one is UdpSocket => one instanceof UdpSocket && portOf(one) === port)!;
  };
  const portOf = (socket: UdpSocket): number | null => {
    try {
      return socket.address().port;
    } catch {
      // One of another test that is closed, and not collected yet.
      return null;
    }
  };

  test('what pretends to come from port 0 is not looked at', async () => {
    const asked: string[] = [];
    const port = await start(async (_, { client }) => {
      asked.push(client);
      return null;
    });
    const from = { address: '127.0.0.9', family: 'IPv4', size: 1 };
    for (const each of [0, 1]) own(port).emit('message', Buffer.from('x'), { ...from, port: each });
    expect(asked).toEqual(['127.0.0.9:1']);
  });

  test('an error of the socket is in the log, and ends nothing', async () => {
    const port = await start();
    own(port).emit('error', new Error('it broke'));
    expect(lines).toEqual([{ level: 40, err: 'it broke', msg: 'the UDP socket of the gateway failed' }]);
    expect(await datagram(port, 'x')).toBe('udp 127.0.0.1:PORT x');
  });

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
  busy.socket.write(Buffer.concat([framed('last'), framed('behind it')]));
  await until(() => asked === 1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let closed = false;
  const listening = running!;
  const closing = listening.close().then(() => {
    closed = true;
  });
  running = null;
  await soon(silent.closed);
  expect([closed, busy.closed()]).toEqual([false, false]);
  release();
  await closing;
  // However often it is asked to.
  await listening.close();
  await soon(busy.closed);
  expect([busy.said(), asked]).toEqual([['last'], 1]);
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
