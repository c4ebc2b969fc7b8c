import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Networks } from '../../services/dns/networks.ts';
import { type Listening, listen } from '../../services/milter/listen.ts';
import { Memory } from '../../services/milter/memory.ts';
import type { Arrival } from '../../services/milter/screen.ts';
import { Session } from '../../services/milter/session.ts';
import { accept, tempfail } from '../../services/milter/wire/replies.ts';
import { until } from '../helpers/services.ts';
import { handedIn, hangUp, Server } from './server.ts';
import { connect, macros, negotiate, packet, strings } from './wire/packets.ts';

const memory = new Memory();
const FREE = memory.free;
const seen: Arrival[] = [];
const counts = { submitted: 0, aborted: 0 };
let listening: Listening;
const said: unknown[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void said.push(JSON.parse(line)) });
/** Holds up decisions. */
let gate: Promise<void> = Promise.resolve();
afterEach(async () => {
  hangUp();
  await listening.close();
  said.length = 0;
  seen.length = 0;
  Object.assign(counts, { submitted: 0, aborted: 0 });
  gate = Promise.resolve();
  done = () => undefined;
  expect(memory.free).toBe(FREE);
});

/** When a command is done, before its answer is written. */
let done = (): void => undefined;
class Watched extends Session {
  override async take(command: Parameters<Session['take']>[0]) {
    const replies = await super.take(command);
    done();
    return replies;
  }
}
const begin = () =>
  new Watched({
    trusted: new Networks(['192.0.2.0/28']),
    memory,
    now: () => new Date(0),
    async decide(arrival) {
      seen.push(arrival);
      await gate;
      return [accept()];
    },
    submitted() {
      counts.submitted++;
      return [tempfail()];
    },
    aborted: () => void counts.aborted++,
  });

const open = async () => {
  listening = await listen({ host: '127.0.0.1', port: 0 }, begin, log);
  return new Server({ port: listening.port! });
};
const mailOf = (from: string, sender?: string) => handedIn({ from, ...(sender === undefined ? {} : { sender }) });
const hello = [negotiate(), connect('mail.example', '203.0.113.9'), packet('H', strings('helo.example'))];

describe('a mail server', () => {
  test('hands over mails, all packets at once', async () => {
    const server = await open();
    server.send(...hello, ...mailOf('ada@example.com'), ...mailOf('bob@example.com', ''), packet('Q'));
    expect(await server.replies(6)).toBe('Occaca');
    await server.gone();
    expect(
      seen.map(({ mail_from, helo, ip, peer_name, recipients, queue_id, message }) => [
        mail_from,
        helo,
        ip,
        peer_name,
        recipients,
        queue_id,
        message.authors.addresses,
      ]),
    ).toEqual([
      ['x@mail.example', 'helo.example', '203.0.113.9', 'mail.example', ['grace@example.com'], '4AF2', ['ada@example.com']],
      ['', 'helo.example', '203.0.113.9', 'mail.example', ['grace@example.com'], '4AF2', ['bob@example.com']],
    ]);
  });

  test('hands them over octet by octet', async () => {
    const server = await open();
    for (const octet of Buffer.concat([...hello, ...mailOf('ada@example.com')])) {
      server.socket.write(Buffer.from([octet]));
      if (octet % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await server.replies(4)).toBe('Occa');
  });

  test('of an old version gets a reply to each command', async () => {
    const server = await open();
    server.send(negotiate(3, 0x3f, 0x7f), ...hello.slice(1), ...mailOf('ada@example.com'));
    expect(await server.replies(8)).toBe('Occccccca'.slice(0, 9));
    expect(seen[0]!.message.raw.toString()).toContain('From:  ada@example.com');
  });

  test('takes a mail back, or breaks off, and nothing stays', async () => {
    const server = await open();
    server.send(...hello, ...mailOf('ada@example.com').slice(0, -1), packet('A'), ...mailOf('bob@example.com').slice(0, -1));
    await server.replies(3);
    server.socket.destroy();
    await until(() => counts.aborted === 2);
    expect(seen).toEqual([]);
  });

  test('serves another client on the same connection', async () => {
    const server = await open();
    server.send(
      ...hello,
      packet('K'),
      connect('other.example', '203.0.113.10'),
      packet('H', strings('other')),
      ...mailOf('a@example.com'),
    );
    expect(await server.replies(5)).toBe('Occca'.slice(0, 5));
    expect(seen[0]).toMatchObject({ ip: '203.0.113.10', helo: 'other' });
  });

  test('of a trusted network is let alone from the start', async () => {
    const server = await open();
    server.send(negotiate(), connect('mail.example', '192.0.2.5'));
    expect(await server.replies(2)).toBe('Oa');
  });

  test('hands over mail of somebody who signed in, which is cleaned up alone; an empty name is nobody', async () => {
    const server = await open();
    server.send(...hello, macros('M', { '{auth_authen}': 'ada' }), ...mailOf('ada@example.com'));
    expect(await server.replies(4)).toBe('Occt');
    server.send(macros('M', { '{auth_authen}': '' }), ...mailOf('ada@example.com'));
    expect(await server.replies(6)).toBe('Occtca');
    expect([counts.submitted, seen.length]).toEqual([1, 1]);
  });

  test('of a client that signed in does not sign in the next', async () => {
    const server = await open();
    server.send(...hello, macros('M', { '{auth_authen}': 'ada' }), ...mailOf('ada@example.com'));
    server.send(packet('K'), connect('other.example', '203.0.113.10'), ...mailOf('ada@example.com'));
    await server.replies(6);
    expect([counts.submitted, seen.length]).toEqual([1, 1]);
  });
});

const STRAY = 'a part of a mail came without its envelope';
describe('octets that are no milter protocol end the connection', () => {
  test.each([
    ['a length of 4 GB', [Buffer.from('ffffffff', 'hex')], 'a packet of 4294967295 octets is longer than 524288'],
    ['no command', [Buffer.alloc(4)], 'a packet has no command'],
    ['SMTP', [Buffer.from('EHLO mail.example\r\n')], 'a packet of 1162366031 octets is longer than 524288'],
    ['a mail before the negotiation', [packet('M', strings('<x@mail.example>'))], 'mail came before the negotiation'],
    ['an old version', [negotiate(2)], 'version 2 of the protocol is too old'],
    ['an unknown command', [...hello, packet('z', 'x')], '"z" is no command of version 6'],
    ['a header without an envelope', [...hello, packet('L', strings('From', 'a'))], STRAY],
    ['the end of a header without an envelope', [...hello, packet('N')], STRAY],
    ['the end of a mail without an envelope', [...hello, packet('E')], STRAY],
    ['a body without an envelope', [...hello, packet('B', 'x')], STRAY],
    ['a macro that is cut off', [...hello, packet('D', 'Mi\0x')], 'a string does not end'],
  ])('%s', async (_, packets, err) => {
    const server = await open();
    server.send(...packets);
    await server.gone();
    expect(seen).toEqual([]);
    // Others are served.
    const next = new Server({ port: listening.port! });
    next.send(...hello, ...mailOf('ada@example.com'), packet('Q'));
    expect(await next.replies(4)).toBe('Occa');
    expect(said).toEqual([{ level: 40, err, msg: 'a mail server broke the milter protocol; its connection is closed' }]);
  });
});

/** Waits without timers, which a test may hold in its hand. */
async function soon(check: () => boolean): Promise<void> {
  for (let turns = 0; !check(); turns++) {
    if (turns === 100_000) throw new Error('It is not so after 100,000 turns of the event loop.');
    await turn();
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
async function turns(): Promise<void> {
  for (let n = 0; n < 50; n++) await turn();
}
const letters = (server: Server) => server.heard.map(({ command }) => command).join('');

/** The milter's ends of the connections that are made meanwhile. */
async function servedBy(connecting: () => Promise<void>): Promise<(Socket & { server: NetServer })[]> {
  const sockets: (Socket & { server: NetServer })[] = [];
  const note = (message: unknown) => void sockets.push((message as { socket: (typeof sockets)[0] }).socket);
  subscribe('net.server.socket', note);
  try {
    await connecting();
  } finally {
    unsubscribe('net.server.socket', note);
  }
  return sockets;
}

describe('the end', () => {
  afterEach(() => void vi.useRealTimers());
  /** A decision that waits. */
  function held(): () => void {
    let release = (): void => undefined;
    gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }
  /** Closes, with the timers in hand. */
  function close(): { closed: () => boolean } {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let closed = false;
    void listening.close().then(() => {
      closed = true;
    });
    return { closed: () => closed };
  }

  test('takes no new connection, and ends those without a mail after three seconds', async () => {
    await open();
    const silent = new Server({ port: listening.port! });
    const server = new Server({ port: listening.port! });
    server.send(...hello, ...mailOf('ada@example.com'));
    await server.replies(4);
    const { closed } = close();
    const late = new Server({ port: listening.port! });
    await soon(() => late.closed);
    vi.advanceTimersByTime(2_999);
    await turns();
    expect([silent.closed, server.closed, closed()]).toEqual([false, false, false]);
    vi.advanceTimersByTime(1);
    await soon(() => silent.closed && server.closed && closed());
    expect(vi.getTimerCount()).toBe(0);
  });

  test('waits for mails on their way: one that is decided about, and one that is not there yet', async () => {
    const release = held();
    const deciding = await open();
    deciding.send(...hello, ...mailOf('ada@example.com'));
    await until(() => seen.length === 1);
    const coming = new Server({ port: listening.port! });
    const mail = mailOf('bob@example.com');
    coming.send(...hello, ...mail.slice(0, -1));
    await coming.replies(3);
    const { closed } = close();
    vi.advanceTimersByTime(19_999);
    await turns();
    expect([deciding.closed, coming.closed, closed()]).toEqual([false, false, false]);
    release();
    coming.send(mail.at(-1)!);
    await soon(() => deciding.closed && coming.closed && closed());
    expect([letters(deciding), letters(coming)]).toEqual(['Occa', 'Occa']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('cuts off a mail that takes longer than twenty seconds', async () => {
    const release = held();
    const server = await open();
    server.send(...hello, ...mailOf('ada@example.com'));
    await until(() => seen.length === 1);
    const { closed } = close();
    vi.advanceTimersByTime(20_000);
    await soon(() => server.closed && closed());
    expect(letters(server)).toBe('Occ');
    release();
    await turns();
    // Nobody is there to be told, and nothing is wrong.
    expect(said).toEqual([]);
  });

  test('is there at once when nobody is connected', async () => {
    await open();
    const { closed } = close();
    await soon(closed);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a connection whose mail is decided about, and whose answer is not written yet, gets it first', async () => {
    const server = await open();
    server.send(...hello);
    await server.replies(2);
    const { closed } = close();
    done = () => void (seen.length === 1 && vi.advanceTimersByTime(3_000));
    server.send(...mailOf('ada@example.com'));
    await soon(() => server.closed && closed());
    expect(letters(server)).toBe('Occa');
  });
});

describe('a connection', () => {
  /** A decision that fails. */
  function failing(): (error: Error) => void {
    let fail = (_: Error): void => undefined;
    gate = new Promise((_, reject) => {
      fail = reject;
    });
    return fail;
  }
  const greeted = async () => {
    const server = await open();
    server.send(...hello);
    await server.replies(2);
    return server;
  };

  test('is cut off after fifteen minutes of silence', async () => {
    let server: Server | undefined;
    const [socket] = await servedBy(async () => {
      server = await greeted();
    });
    expect(socket!.timeout).toBe(900_000);
    socket!.emit('timeout');
    await server!.gone();
  });

  test('that cannot be taken is told of, and the others are served', async () => {
    let server: Server | undefined;
    const [socket] = await servedBy(async () => {
      server = await greeted();
    });
    socket!.server.emit('error', new Error('accept ENOMEM'));
    server!.send(...mailOf('ada@example.com'));
    expect(await server!.replies(4)).toBe('Occa');
    expect(said).toEqual([{ level: 40, err: 'accept ENOMEM', msg: 'the milter cannot take a connection' }]);
  });

  test('beyond 200 at a time is closed', async () => {
    const all = [await greeted()];
    while (all.length < 200) all.push(new Server({ port: listening.port! }));
    for (const server of all.slice(1)) server.send(negotiate());
    for (const server of all) await server.replies(1);
    await new Server({ port: listening.port! }).gone();
    expect(all.filter(({ closed }) => closed)).toEqual([]);
    // The place of one that went is free.
    all[1]!.socket.destroy();
    await until(async () => {
      const next = new Server({ port: listening.port! });
      next.send(negotiate());
      await until(() => next.closed || next.heard.length > 0);
      return next.heard.length > 0;
    });
  });

  test('whose mail cannot be decided about is cut off, which is told of', async () => {
    const refuse = failing();
    const server = await open();
    server.send(...hello, ...mailOf('ada@example.com'));
    await until(() => seen.length === 1);
    refuse(new Error('nobody knows'));
    await server.gone();
    expect(letters(server)).toBe('Occ');
    expect(said).toEqual([{ level: 50, err: 'nobody knows', msg: 'a connection of the milter failed' }]);
  });

  test('that the server ended meanwhile is told nothing of', async () => {
    const refuse = failing();
    let server: Server | undefined;
    const [socket] = await servedBy(async () => {
      server = await open();
      server.send(...hello, ...mailOf('ada@example.com'));
      await until(() => seen.length === 1);
    });
    server!.socket.destroy();
    await until(() => socket!.destroyed);
    refuse(new Error('nobody knows'));
    await turns();
    expect(said).toEqual([]);
  });
});

test('an address that is taken is named', async () => {
  await open();
  await expect(listen({ host: '127.0.0.1', port: listening.port! }, begin, log)).rejects.toThrow(
    new RegExp(`^The milter cannot listen on 127\\.0\\.0\\.1:${listening.port}: .*\\. Correct milter\\.listen\\.$`),
  );
});

describe('a Unix socket', () => {
  test('takes the place of one that nobody listens on, and of no other', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-milter-'));
    try {
      const at = path.join(folder, 'socket');
      listening = await listen({ path: at }, begin, log);
      expect(statSync(at).mode & 0o777).toBe(0o660);
      expect(listening.port).toBeNull();
      const asked = await servedBy(async () => {
        await expect(listen({ path: at }, begin, log)).rejects.toMatchObject({
          message: expect.stringMatching(`^The milter cannot listen on unix:${at}: .*\\. Correct milter\\.listen\\.$`),
          cause: { code: 'EADDRINUSE' },
        });
      });
      // Whoever asked if somebody listens is gone at once.
      await until(() => asked.length === 1 && asked[0]!.destroyed);
      const server = new Server({ path: at });
      server.send(...hello, ...mailOf('ada@example.com'), packet('Q'));
      expect(await server.replies(4)).toBe('Occa');
      await listening.close();
      expect(existsSync(at)).toBe(false);
      listening = await listen({ path: at }, begin, log);
      await listening.close();
      // One that a killed process left behind is gone; a file of something else stays.
      const left = createServer();
      await new Promise<void>((resolve) => left.listen(path.join(folder, 'left'), resolve));
      renameSync(path.join(folder, 'left'), at);
      await new Promise((resolve) => left.close(resolve));
      listening = await listen({ path: at }, begin, log);
      await listening.close();
      writeFileSync(at, 'a file');
      await expect(listen({ path: at }, begin, log)).rejects.toThrow('Correct milter.listen');
      expect(readFileSync(at, 'utf8')).toBe('a file');
    } finally {
      await listening.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
