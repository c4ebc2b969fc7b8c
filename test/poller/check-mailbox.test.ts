import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkMailbox } from '../../services/poller/check-mailbox.ts';
import { freePort, until } from '../helpers/services.ts';
import { mailboxAt } from './setup.ts';
import { type Answer, startWire, type Wire } from './wire.ts';

let wire: Wire | undefined;
let logged: unknown[];
const log = pino(
  { base: null, timestamp: false, level: 'debug' },
  { write: (line: string) => void logged.push(JSON.parse(line)) },
);
beforeEach(() => {
  logged = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await wire?.stop();
  wire = undefined;
});

const at = (port: number, extra: Parameters<typeof mailboxAt>[1] = {}) =>
  mailboxAt(`imap://demo:s3cret@127.0.0.1:${port}/INBOX?tls=none`, extra);
const mails =
  (n: number): Answer =>
  (line) =>
    /^(SELECT|EXAMINE)/.test(line) ? [`* ${n} EXISTS`, '* OK [UIDVALIDITY 7] .', 'OK [READ-WRITE]'] : undefined;

describe('a mailbox that answers', () => {
  test.each<[number, 'keep' | 'move', string, string]>([
    [0, 'keep', '0 mails, IDLE, no MOVE, read-only, as "after: keep" needs', 'EXAMINE'],
    [1, 'keep', '1 mail, IDLE, no MOVE, read-only, as "after: keep" needs', 'EXAMINE'],
    [12, 'move', '12 mails, IDLE, no MOVE, READ-WRITE, "ruawatch" will be created, copy and expunge instead of MOVE', 'SELECT'],
  ])('%i mails, to %s', async (n, after, line, command) => {
    wire = await startWire(mails(n), { capabilities: 'IMAP4rev1 IDLE UIDPLUS' });
    const mailbox = at(wire.port, { after });
    expect(await checkMailbox(mailbox, log)).toBe(line);
    expect(wire.lines.filter((one) => /^(SELECT|EXAMINE)/.test(one)).map((one) => one.split(' ')[0])).toEqual([command]);
    expect(logged.at(-1)).toEqual({ level: 20, mailbox: mailbox.name, folder: 'INBOX', mails: n, msg: 'mailbox checked' });
    // Nobody stays.
    await until(() => wire!.sockets.size === 0);
  });
});

describe('one that cannot be used is named, with what to do', () => {
  const refusal = (error: unknown) => [(error as { code: string }).code, (error as Error).message];

  test('because nobody listens', async () => {
    const port = await freePort();
    expect(refusal(await checkMailbox(at(port), log).catch((error) => error))).toEqual([
      'imap_unreachable',
      expect.stringContaining(`127.0.0.1:${port}`),
    ]);
  });

  test('because it refuses to open the folder; the connection is closed', async () => {
    wire = await startWire((line) => (/^(SELECT|EXAMINE)/.test(line) ? ['NO no such folder'] : undefined));
    const mailbox = at(wire.port);
    expect(refusal(await checkMailbox(mailbox, log).catch((error) => error))).toEqual([
      'imap_refused',
      `Mailbox "${mailbox.name}": 127.0.0.1:${wire.port} refused a command (the server says: no such folder); it is retried.`,
    ]);
    await until(() => wire!.sockets.size === 0);
  });

  test('because its access tokens would be asked for in the clear', async () => {
    wire = await startWire();
    const mailbox = { ...at(wire.port), oauth: { tokenUrl: 'http://tokens.example/', clientId: 'a', clientSecret: 'b' } };
    expect(refusal(await checkMailbox(mailbox as never, log).catch((error) => error))).toEqual([
      'oauth_settings',
      expect.stringContaining('oauth.token_url must be https'),
    ]);
    expect(wire.connections).toBe(0);
  });

  test.each([
    ['from the start', null, undefined],
    ['when its folder is opened', 'OK', (line: string) => (/^(SELECT|EXAMINE)/.test(line) ? null : undefined)],
  ] as const)('because it is silent %s', async (_, greeting, answer) => {
    const over = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(over.signal);
    wire = await startWire(answer, { greeting });
    const checked = checkMailbox(at(wire.port), log).catch((error) => error);
    await until(() => (greeting === null ? wire!.connections === 1 : wire!.lines.some((line) => /^(SELECT|EXAMINE)/.test(line))));
    expect(timeout.mock.calls[0]).toEqual([9_000]);
    over.abort();
    expect(refusal(await checked)).toEqual(['imap_silent', expect.stringContaining('gives no answer of IMAP in time')]);
    await until(() => wire!.sockets.size === 0);
  });
});
