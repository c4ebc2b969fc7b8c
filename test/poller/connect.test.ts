import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { checkMailbox } from '../../services/poller/check-mailbox.ts';
import { connect } from '../../services/poller/connect.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import { mailboxAt, until } from './setup.ts';
import { type Answer, startWire, type Wire } from './wire.ts';

let wire: Wire;
afterEach(() => wire.stop());
const begin = async (answer?: Answer, options?: Parameters<typeof startWire>[1]) => {
  wire = await startWire(answer, options);
  return mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX?tls=none`);
};
/** More than is to be used. */
const EVERYTHING = 'IMAP4rev1 IDLE MOVE UIDPLUS ENABLE CONDSTORE UTF8=ACCEPT COMPRESS=DEFLATE';
const never = () => new AbortController().signal;
/** A token that is counted, and dropped when it was not taken. */
const tokens = (forgotten: { n: number }) => ({ get: async () => 'the token', forget: () => void forgotten.n++ });
const refusing =
  (command: RegExp, said: string): Answer =>
  (line) =>
    command.test(line) ? [said] : undefined;

describe('a connection', () => {
  test('logs in, tells what the server refused last, once, and logs out', async () => {
    const box = await begin(refusing(/^CREATE/, 'NO [CANNOT]   not  here'), { capabilities: EVERYTHING });
    const connection = await connect(box, null, never());
    expect(wire.lines.some((line) => /^LOGIN "?demo"? "?s3cret"?$/.test(line))).toBe(true);
    expect(connection.refusals.take()).toBe('');
    await connection.client.mailboxCreate('x').catch(() => undefined);
    expect(connection.refusals.take()).toBe('not here');
    expect(connection.refusals.take()).toBe('');
    // A warning without an error is no refusal.
    connection.client.log.warn({ msg: 'a warning' });
    expect(connection.refusals.take()).toBe('');
    // What is not asked for is not used, at once or on a folder that nothing is done in for a while.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await connection.client.mailboxOpen('INBOX');
    vi.advanceTimersByTime(60_000);
    vi.useRealTimers();
    await connection.client.noop();
    expect(wire.lines.some((line) => /^(IDLE|ENABLE|COMPRESS)/.test(line))).toBe(false);
    await connection.close();
    expect(wire.lines.at(-1)).toBe('LOGOUT');
    expect(connection.client.usable).toBe(false);
    await until('the socket is closed', () => wire.sockets.size === 0);
    await connection.close();
    expect(wire.lines.filter((line) => line === 'LOGOUT')).toHaveLength(1);
  });

  test('tells 200 characters of a refusal', async () => {
    const connection = await connect(await begin(refusing(/^CREATE/, `NO ${'x'.repeat(300)}`)), null, never());
    await connection.client.mailboxCreate('x').catch(() => undefined);
    expect(connection.refusals.take()).toBe('x'.repeat(200));
    await connection.close();
  });

  test('whose server does not answer the logout is closed all the same', async () => {
    const connection = await connect(await begin((line) => (line === 'LOGOUT' ? null : undefined)), null, never());
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const closed = connection.close();
    while (wire.lines.at(-1) !== 'LOGOUT') await new Promise(setImmediate);
    vi.advanceTimersByTime(2_999);
    expect(connection.client.usable).toBe(true);
    vi.advanceTimersByTime(1);
    expect(connection.client.usable).toBe(false);
    vi.useRealTimers();
    await closed;
    await until('the socket is closed', () => wire.sockets.size === 0);
  });

  test('that breaks is told in the words of the network, and ends no process', async () => {
    const connection = await connect(await begin(), null, never());
    for (const socket of wire.sockets) socket.resetAndDestroy();
    await until('it is noticed', () => !connection.client.usable);
    expect(connection.refusals.take()).not.toBe('');
    await connection.close();
  });

  test.each([
    [64 * 1024 * 1024, true],
    [64 * 1024 * 1024 + 1, false],
  ])('that is announced a literal of %d bytes: up to 64 MiB it waits for it, above that it ends', async (size, waits) => {
    const connection = await connect(await begin(), null, never());
    wire.say(`* 1 FETCH (UID 1 BODY[] {${size}}`);
    if (waits) {
      const answered = connection.client.noop().then(() => 'answered');
      await until('the server has got the command', () => wire.lines.at(-1) === 'NOOP');
      // What follows is part of the literal, so no answer is seen.
      const later = new Promise((resolve) => setTimeout(resolve, 300, 'waits'));
      expect(await Promise.race([answered.catch(() => 'failed'), later])).toBe('waits');
      expect(connection.client.usable).toBe(true);
      for (const socket of wire.sockets) socket.destroy();
    }
    await until('it has ended', () => !connection.client.usable);
    await connection.close();
  });

  test('with a token drops it when the server does not take it, and only then', async () => {
    const forgotten = { n: 0 };
    const sasl = { capabilities: 'IMAP4rev1 SASL-IR AUTH=XOAUTH2' };
    const box = await begin(refusing(/^AUTHENTICATE/, 'NO [AUTHENTICATIONFAILED] no'), sasl);
    await expect(connect(box, tokens(forgotten), never())).rejects.toMatchObject({ code: 'imap_login' });
    expect(wire.lines.some((line) => line.startsWith('AUTHENTICATE XOAUTH2'))).toBe(true);
    expect(wire.lines.join('\n')).not.toContain('s3cret');
    expect(forgotten.n).toBe(1);
    await until('the socket is closed', () => wire.sockets.size === 0);
    await wire.stop();
    const later = await begin(refusing(/^AUTHENTICATE/, 'NO [UNAVAILABLE] later'), sasl);
    await expect(connect(later, tokens(forgotten), never())).rejects.toMatchObject({ code: 'imap_login_later' });
    expect(forgotten.n).toBe(1);
  });

  test('that is not wanted any more is not made, and one under way is dropped', async () => {
    const box = await begin(undefined, { greeting: null });
    await expect(connect(box, null, AbortSignal.abort())).rejects.toThrow();
    expect(wire.connections).toBe(0);
    const stop = new AbortController();
    const waiting = connect(box, null, stop.signal).catch((error: unknown) => error);
    await until('it waits for the greeting', () => wire.sockets.size === 1);
    stop.abort();
    // Not by its own time for a greeting, which has other words.
    expect(await waiting).toMatchObject({ code: 'imap_lost' });
    await until('the socket is closed', () => wire.sockets.size === 0);
    // Afterwards the signal is nobody's.
    await wire.stop();
    const other = await begin();
    const again = new AbortController();
    const connection = await connect(other, null, again.signal);
    again.abort();
    expect(connection.client.usable).toBe(true);
    await connection.close();
  });

  test('sends nothing in clear where STARTTLS is wanted', async () => {
    const box = await begin();
    const strict = mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX`);
    expect(box.security).toBe('none');
    await expect(connect(strict, null, never())).rejects.toMatchObject({ code: 'imap_starttls' });
    expect(wire.lines.join('\n')).not.toContain('s3cret');
    await until('the socket is closed', () => wire.sockets.size === 0);
  });
});

describe('a check of a mailbox', () => {
  const exists =
    (n: number): Answer =>
    (line) =>
      /^SELECT/.test(line) ? [`* ${n} EXISTS`, '* OK [UIDVALIDITY 7] .', 'OK [READ-WRITE]'] : undefined;

  test.each([
    [0, 'IMAP4rev1 IDLE MOVE', '0 mails, IDLE, MOVE, READ-WRITE, "ruawatch" will be created'],
    [
      1,
      'IMAP4rev1 IDLE UIDPLUS',
      '1 mail, IDLE, no MOVE, READ-WRITE, "ruawatch" will be created, copy and expunge instead of MOVE',
    ],
    [
      2,
      'IMAP4rev1 IDLE',
      '2 mails, IDLE, no MOVE, READ-WRITE, "ruawatch" will be created, no UIDPLUS: whatever another program marks as deleted here is expunged with the reports',
    ],
    [12, 'IMAP4rev1 MOVE', '12 mails, no IDLE, MOVE, READ-WRITE, "ruawatch" will be created'],
  ])('of %d mails on %s, which changes nothing', async (n, capabilities, said) => {
    const box = await begin(exists(n), { capabilities });
    expect(await checkMailbox(box, createLog('silent'))).toBe(said);
    expect(wire.lines.some((line) => /^(UID )?(CREATE|STORE|COPY|MOVE|EXPUNGE|APPEND|SETACL)/.test(line))).toBe(false);
    expect(wire.lines.at(-1)).toBe('LOGOUT');
  });

  test('with OAuth logs in with a token of the endpoint', async () => {
    const endpoint = createServer((_, response) => response.end('{"access_token":"a token","expires_in":3600}'));
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    try {
      wire = await startWire(exists(3), { capabilities: 'IMAP4rev1 IDLE MOVE SASL-IR AUTH=XOAUTH2' });
      const { port } = endpoint.address() as AddressInfo;
      const box = mailboxAt(`imap://demo@127.0.0.1:${wire.port}/INBOX?tls=none`, {
        oauth: { token_url: `http://127.0.0.1:${port}/token`, client_id: 'c', client_secret: 's3cret' },
      });
      expect(await checkMailbox(box, createLog('silent'))).toMatch(/^3 mails, /);
      const [, said] = /^AUTHENTICATE XOAUTH2 (\S+)$/m.exec(wire.lines.join('\n'))!;
      expect(Buffer.from(said!, 'base64').toString()).toBe('user=demo\u0001auth=Bearer a token\u0001\u0001');
    } finally {
      endpoint.close();
    }
  });

  test('that is not there, or may not be entered, is one sentence, and the connection is closed', async () => {
    const box = await begin(refusing(/^SELECT/, 'NO [NOPERM] not yours'));
    await expect(checkMailbox(box, createLog('silent'))).rejects.toMatchObject({
      code: 'imap_refused',
      message: expect.stringContaining('not yours'),
    });
    await until('the socket is closed', () => wire.sockets.size === 0);
  });

  test('of a server that stops answering ends when its time is over', async () => {
    const over = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(over.signal);
    try {
      const box = await begin((line) => (/^SELECT/.test(line) ? null : undefined));
      const checked = checkMailbox(box, createLog('silent')).catch((error: unknown) => error);
      await until('it waits for an answer', () => wire.lines.some((line) => line.startsWith('SELECT')));
      over.abort();
      expect(await checked).toMatchObject({ code: 'imap_silent' });
      await until('the socket is closed', () => wire.sockets.size === 0);
      expect(timeout).toHaveBeenCalledWith(9_000);
    } finally {
      timeout.mockRestore();
    }
  });
});
