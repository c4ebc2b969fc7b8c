import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Networks } from '../../services/dns/networks.ts';
import { type Listening, listen } from '../../services/milter/listen.ts';
import { Memory } from '../../services/milter/memory.ts';
import type { Arrival } from '../../services/milter/screen.ts';
import { Session } from '../../services/milter/session.ts';
import { accept, tempfail } from '../../services/milter/wire/replies.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { until } from '../helpers/services.ts';
import { handedIn, hangUp, Server } from './server.ts';
import { connect, macros, negotiate, packet, strings } from './wire/packets.ts';

const memory = new Memory();
const FREE = memory.free;
const seen: Arrival[] = [];
const counts = { submitted: 0, aborted: 0 };
let listening: Listening;
/** Holds up decisions. */
let gate: Promise<void> = Promise.resolve();
afterEach(async () => {
  hangUp();
  await listening.close();
  seen.length = 0;
  Object.assign(counts, { submitted: 0, aborted: 0 });
  gate = Promise.resolve();
  expect(memory.free).toBe(FREE);
});

const begin = () =>
  new Session({
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
  listening = await listen({ host: '127.0.0.1', port: 0 }, begin, createLog('silent'));
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

describe('octets that are no milter protocol end the connection', () => {
  test.each([
    ['a length of 4 GB', [Buffer.from('ffffffff', 'hex')]],
    ['no command', [Buffer.alloc(4)]],
    ['SMTP', [Buffer.from('EHLO mail.example\r\n')]],
    ['a mail before the negotiation', [packet('M', strings('<x@mail.example>'))]],
    ['an old version', [negotiate(2)]],
    ['an unknown command', [...hello, packet('z', 'x')]],
    ['a header without an envelope', [...hello, packet('L', strings('From', 'a'))]],
    ['the end of a mail without an envelope', [...hello, packet('E')]],
    ['a body without an envelope', [...hello, packet('B', 'x')]],
    ['a macro that is cut off', [...hello, packet('D', 'Mi\0x')]],
  ])('%s', async (_, packets) => {
    const server = await open();
    server.send(...packets);
    await server.gone();
    expect(seen).toEqual([]);
    // Others are served.
    const next = new Server({ port: listening.port! });
    next.send(...hello, ...mailOf('ada@example.com'), packet('Q'));
    expect(await next.replies(4)).toBe('Occa');
  });
});

describe('the end', () => {
  test('waits for a mail on its way, and takes no new connection', async () => {
    let release = (): void => undefined;
    gate = new Promise((resolve) => {
      release = resolve;
    });
    const server = await open();
    server.send(...hello, ...mailOf('ada@example.com'));
    await until(() => seen.length === 1);
    const closed = listening.close();
    const late = new Server({ port: listening.port! });
    await late.gone();
    release();
    expect(await server.replies(4)).toBe('Occa');
    server.send(packet('Q'));
    await closed;
  });

  test('ends connections without a mail after a moment', async () => {
    const server = await open();
    server.send(...hello);
    await server.replies(2);
    await listening.close();
    await server.gone();
  });
});

describe('a Unix socket', () => {
  test('takes the place of one that nobody listens on, and of no other', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-milter-'));
    try {
      const at = path.join(folder, 'socket');
      listening = await listen({ path: at }, begin, createLog('silent'));
      expect(statSync(at).mode & 0o777).toBe(0o660);
      await expect(listen({ path: at }, begin, createLog('silent'))).rejects.toThrow('Correct milter.listen');
      const server = new Server({ path: at });
      server.send(...hello, ...mailOf('ada@example.com'), packet('Q'));
      expect(await server.replies(4)).toBe('Occa');
      await listening.close();
      expect(existsSync(at)).toBe(false);
      listening = await listen({ path: at }, begin, createLog('silent'));
      await listening.close();
      // One that a killed process left behind is gone; a file of something else stays.
      const left = createServer();
      await new Promise<void>((resolve) => left.listen(path.join(folder, 'left'), resolve));
      renameSync(path.join(folder, 'left'), at);
      await new Promise((resolve) => left.close(resolve));
      listening = await listen({ path: at }, begin, createLog('silent'));
      await listening.close();
      writeFileSync(at, 'a file');
      await expect(listen({ path: at }, begin, createLog('silent'))).rejects.toThrow('Correct milter.listen');
      expect(readFileSync(at, 'utf8')).toBe('a file');
    } finally {
      await listening.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
