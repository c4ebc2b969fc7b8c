import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { handOver } from '../../../services/milter/release/smtp.ts';

/** What a server says to a command, or "gone" to break off; without an entry 250. */
type Says = Record<string, string | 'gone'>;

let server: Server | null = null;
let heard: string[] = [];
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
  sockets = [];
  heard = [];
});

/** A mail server that takes everything, but for what is said otherwise. @returns its URL */
async function start(says: Says): Promise<string> {
  server = createServer((socket) => {
    sockets.push(socket);
    let data = false;
    let held = '';
    const say = (command: string, otherwise: string) => {
      const said = says[command] ?? otherwise;
      if (said === 'gone') socket.destroy();
      else socket.write(`${said}\r\n`);
    };
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      held += piece.toString('latin1');
      if (data) {
        if (!held.endsWith('\r\n.\r\n')) return;
        heard.push(held);
        held = '';
        data = false;
        say('.', '250 2.0.0 Ok: queued as 4XyZ9');
        return;
      }
      for (let at = held.indexOf('\r\n'); at !== -1; at = held.indexOf('\r\n')) {
        const line = held.slice(0, at);
        held = held.slice(at + 2);
        heard.push(line);
        const command = line.split(/[ :]/)[0]!.toUpperCase();
        data = command === 'DATA' && (says.DATA ?? '354').startsWith('3');
        say(line in says ? line : command, command === 'DATA' ? '354 go on' : command === 'QUIT' ? '221 bye' : '250 ok');
      }
    });
    say('greeting', '220 mail.example ESMTP');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `smtp://127.0.0.1:${(server.address() as { port: number }).port}?tls=none`;
}

const RAW = Buffer.from('Subject: x\r\n\r\nHello.\r\n');
const hand = (url: string, part: object = {}, beforeDot: () => Promise<boolean> = async () => true) =>
  handOver(
    {
      url,
      setting: 'SMTP_URL',
      from: 'bounce@evil.example',
      recipients: ['ada@example.com', '"a,b"@example.com'],
      raw: RAW,
      ...part,
    },
    beforeDot,
  );

test('a mail is handed over as it is, to all recipients, and has the name that the server gives it', async () => {
  const url = await start({});
  let asked = 0;
  expect(await hand(url, {}, async () => ++asked > 0)).toEqual({
    is: 'taken',
    answer: '250 2.0.0 Ok: queued as 4XyZ9',
    id: '4XyZ9',
    refused: [],
  });
  expect(asked).toBe(1);
  expect(heard.slice(1, 6)).toEqual([
    'MAIL FROM:<bounce@evil.example>',
    'RCPT TO:<ada@example.com>',
    'RCPT TO:<"a,b"@example.com>',
    'DATA',
    `${RAW}.\r\n`,
  ]);
});

test('of a mail without a sender the envelope has none, and an answer without a name names none', async () => {
  const url = await start({ '.': '250 thanks' });
  expect(await hand(url, { from: '' })).toEqual({ is: 'taken', answer: '250 thanks', id: null, refused: [] });
  expect(heard).toContain('MAIL FROM:<>');
});

test('it signs in where the server asks for it', async () => {
  const url = (await start({ EHLO: '250-mail.example\r\n250 AUTH PLAIN', AUTH: '235 welcome' })).replace('//', '//me:secret@');
  expect(await hand(url)).toMatchObject({ is: 'taken' });
  expect(heard[1]).toBe(`AUTH PLAIN ${Buffer.from('\0me\0secret').toString('base64')}`);
});

test('a large mail comes whole', async () => {
  const url = await start({});
  const raw = Buffer.from(`Subject: x\r\n\r\n${`${'y'.repeat(76)}\r\n`.repeat(3_000)}`);
  expect(await hand(url, { raw })).toMatchObject({ is: 'taken' });
  expect(heard.find((one) => one.endsWith('.\r\n') && one.length > 1_000)).toBe(`${raw}.\r\n`);
});

test.each<[string, Says, Awaited<ReturnType<typeof handOver>>]>([
  [
    'one recipient of two',
    { 'RCPT TO:<ada@example.com>': '550 no' },
    { is: 'taken', answer: '250 2.0.0 Ok: queued as 4XyZ9', id: '4XyZ9', refused: ['ada@example.com'] },
  ],
  ['all recipients', { RCPT: '550 nobody' }, { is: 'not_taken', answer: '550 nobody', forever: true }],
  ['the sender for a while', { MAIL: '451 later' }, { is: 'not_taken', answer: '451 later', forever: false }],
  ['the sender at the lowest code of refusals', { MAIL: '500 what' }, { is: 'not_taken', answer: '500 what', forever: true }],
  [
    'the order of commands, which another try may have right',
    { MAIL: '503 order' },
    { is: 'not_taken', answer: '503 order', forever: false },
  ],
  ['the text', { '.': '554 spam' }, { is: 'not_taken', answer: '554 spam', forever: true }],
  [
    'whoever signs in',
    { EHLO: '250-x\r\n250 AUTH PLAIN', AUTH: '535 wrong' },
    { is: 'not_taken', answer: '535 wrong', forever: true },
  ],
  ['everybody', { greeting: '421 full' }, { is: 'not_taken', answer: '421 full', forever: false }],
])('a server that refuses %s', async (_, says, handed) => {
  expect(await hand((await start(says)).replace('//', '//me:secret@'))).toEqual(handed);
});

test.each<[string, Says, string]>([
  ['before the mail is a failure that is tried again', { MAIL: 'gone' }, 'not_taken'],
  ['after the last octet leaves open what became of the mail', { '.': 'gone' }, 'unknown'],
])('a connection that ends %s', async (_, says, is) => {
  expect(await hand(await start(says))).toMatchObject({ is, ...(is === 'not_taken' && { forever: false }) });
});

test('a server that is not there has not taken it', async () => {
  const url = await start({});
  await new Promise((resolve) => server!.close(resolve));
  server = null;
  expect(await hand(url)).toMatchObject({ is: 'not_taken', forever: false, answer: expect.stringContaining('ECONNREFUSED') });
});

test('what is asked before the end forbids it, and nothing is taken', async () => {
  const url = await start({});
  await expect(hand(url, {}, async () => false)).rejects.toThrow('it is not to be sent any more');
  expect(heard.some((one) => one.includes('.\r\n'))).toBe(false);
  await expect(hand(url, {}, () => Promise.reject(new Error('the store is away')))).rejects.toThrow('the store is away');
});

test.each([
  ['its sender', { from: 'a\r\nb@evil.example' }, 'a\\u000d\\u000ab@evil.example is no address of an envelope.'],
  ['a recipient', { recipients: ['ada@example.com', 'x> y@example.com'] }, 'x> y@example.com is no address of an envelope.'],
])('%s that would end its line goes to no server', async (_, part, answer) => {
  const url = await start({});
  expect(await hand(url, part)).toEqual({ is: 'not_taken', answer, forever: true });
  expect(heard).toEqual([]);
});
