import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { askServer } from '../../../services/alerter/mail/ask-server.ts';
import { which } from '../../helpers/services.ts';
import { eventually } from '../setup.ts';

let server: Server;
/** What the client sent, a line each. */
let lines: string[];
let open: Set<Socket>;
/** The names that TLS was asked for by (RFC 6066 section 3). */
let names: string[];
let pem: { key: Buffer; cert: Buffer } | null = null;
afterEach(async () => {
  vi.restoreAllMocks();
  for (const socket of open) socket.destroy();
  server.close();
});

const EHLO = '250-mx.example\r\n250-8BITMIME\r\n250-Size 1000\r\n250 SmtpUtf8\r\n';
type Answers = Record<string, string | null>;
const USUAL: Answers = { greeting: '220-mx.example\r\n220 ready\r\n', EHLO, MAIL: '250-fine\r\n250 2.1.0 sender ok\r\n' };

/** A server that answers each command as a test says; null: not at all. @param tls TLS from the first byte */
async function serve(answers: Answers = {}, tls = false): Promise<number> {
  const all = { ...USUAL, ...answers };
  lines = [];
  names = [];
  open = new Set();
  const secured = (socket: Socket) => {
    const SNICallback = (name: string, done: (error: Error | null) => void) => {
      names.push(name);
      done(null);
    };
    return new TLSSocket(socket, { isServer: true, ...pem!, SNICallback });
  };
  const talk = (socket: Socket, greeting: string | null) => {
    if (greeting !== null) socket.write(greeting);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n').slice(0, -1)) {
        lines.push(line);
        if (line === 'STARTTLS') {
          socket.removeAllListeners('data');
          socket.write('220 go ahead\r\n');
          talk(secured(socket), null);
          return;
        }
        const said = all[line.split(' ')[0]!];
        if (said) socket.write(said);
      }
    });
  };
  server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    talk(tls ? secured(socket) : socket, all.greeting ?? null);
  });
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
const way = (port: number, extra: object = {}) => ({
  host: '127.0.0.1',
  port,
  secure: false,
  ignoreTLS: true,
  tls: { rejectUnauthorized: false },
  ...extra,
});
const OFFERS = ['8BITMIME', 'SIZE', 'SMTPUTF8'];

test('a server is asked what it offers and for a sender, and left without a mail', async () => {
  const port = await serve();
  expect(await askServer(way(port), 'a@example.org')).toEqual({ offers: OFFERS, reply: '250 2.1.0 sender ok' });
  await eventually(() => expect(lines).toEqual(['EHLO [127.0.0.1]', 'MAIL FROM:<a@example.org>', 'RSET', 'QUIT']));
  await eventually(() => expect(open.size).toBe(0));
  const destroyed = vi.spyOn(Socket.prototype, 'destroy');
  await askServer(way(port), null);
  expect(destroyed).toHaveBeenCalledTimes(1);
});

test('without a sender it is asked for what it offers alone', async () => {
  const port = await serve();
  expect(await askServer(way(port), null)).toEqual({ offers: OFFERS, reply: '' });
  await eventually(() => expect(lines).toEqual(['EHLO [127.0.0.1]', 'RSET', 'QUIT']));
});

test('an address cannot add commands, and a server that offers nothing has no offers', async () => {
  const port = await serve({ EHLO: '250 mx.example\r\n' });
  expect((await askServer(way(port), 'a@b>\r\nRCPT TO:<c@d')).offers).toEqual([]);
  expect(lines[1]).toBe('MAIL FROM:<a@bRCPT TO:c@d>');
});

test.each([['greeting'], ['EHLO'], ['MAIL']])(
  'a server that closes the connection instead of its %s is an error',
  async (what) => {
    const port = await serve({ [what]: null });
    const asking = askServer(way(port), 'a@example.org').catch((error: unknown) => error);
    await eventually(() => expect(lines).toHaveLength({ greeting: 0, EHLO: 1, MAIL: 2 }[what]!));
    await eventually(() => expect(open.size).toBe(1));
    for (const socket of open) socket.end();
    expect(await asking).toMatchObject({ message: 'the mail server closed the connection' });
  },
);

test('a server that closes the connection behind its last reply has answered', async () => {
  const port = await serve({ MAIL: '421 bye\r\n' });
  server.on('connection', (socket: Socket) => socket.on('data', () => lines.length === 2 && socket.end()));
  for (let i = 0; i < 5; i++) {
    lines = [];
    expect((await askServer(way(port), 'a@example.org')).reply).toBe('421 bye');
  }
});

test.each([['greeting'], ['EHLO'], ['MAIL']])(
  'a server that is silent instead of its %s is an error after 8 seconds',
  async (what) => {
    const waits: number[] = [];
    let ended: (() => void) | undefined;
    vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, late) {
      if (late) {
        waits.push(ms);
        ended = late;
      }
      return this;
    });
    const port = await serve({ [what]: null });
    const asking = askServer(way(port), 'a@example.org').catch((error: unknown) => error);
    await eventually(() => expect(lines).toHaveLength({ greeting: 0, EHLO: 1, MAIL: 2 }[what]!));
    await eventually(() => expect(open.size).toBe(1));
    ended!();
    expect(await asking).toMatchObject({ message: 'the mail server does not answer' });
    expect(waits).toEqual([8_000]);
    await eventually(() => expect(open.size).toBe(0));
  },
);

test('nobody who listens is an error', async () => {
  const port = await serve();
  server.close();
  await expect(askServer(way(port), null)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

describe.skipIf(which('openssl') === null)('TLS (needs openssl)', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-ask-'));
    // biome-ignore format: one option and its value a line
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-keyout', 'key', '-out', 'cert'],
      { cwd: folder, stdio: 'ignore' });
    pem = { key: readFileSync(path.join(folder, 'key')), cert: readFileSync(path.join(folder, 'cert')) };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['127.0.0.1', []],
    ['localhost', ['localhost']],
  ])('by STARTTLS %s is asked for its extensions anew, by its name where it has one', async (host, asked) => {
    const port = await serve();
    const { offers } = await askServer(way(port, { host, ignoreTLS: false }), null);
    expect(offers).toEqual(OFFERS);
    expect(lines.slice(0, 3)).toEqual(['EHLO [127.0.0.1]', 'STARTTLS', 'EHLO [127.0.0.1]']);
    expect(names).toEqual(asked);
  });

  test.each([
    ['127.0.0.1', []],
    ['localhost', ['localhost']],
  ])('TLS from the first byte with %s needs no STARTTLS', async (host, asked) => {
    const port = await serve({}, true);
    expect(await askServer(way(port, { host, secure: true, ignoreTLS: false }), 'a@b.example')).toMatchObject({ offers: OFFERS });
    expect(lines.slice(0, 2)).toEqual(['EHLO [127.0.0.1]', 'MAIL FROM:<a@b.example>']);
    expect(names).toEqual(asked);
  });

  test('a certificate that is not trusted is an error', async () => {
    const port = await serve();
    const strict = way(port, { ignoreTLS: false, tls: { rejectUnauthorized: true } });
    await expect(askServer(strict, null)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });
});
