import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type NewMail, newMails } from '../../services/poller/watch-folder.ts';
import { mailboxAt } from './setup.ts';
import { type Answer, startWire, type Wire } from './wire.ts';

let wire: Wire;
afterEach(() => wire.stop());
const AT = 'imap://demo:s3cret@127.0.0.1';

/** A folder that holds a mail, and gets those of `later`, one with each look. */
const folder =
  (later: readonly string[]): Answer =>
  (line) => {
    if (/^EXAMINE/.test(line)) return ['* 1 EXISTS', '* OK [UIDVALIDITY 7] .', '* OK [UIDNEXT 5] .', 'OK [READ-ONLY]'];
    const from = Number(/^UID FETCH (\d+):\*/.exec(line)?.[1]);
    if (!(from > 0)) return undefined;
    const one = (uid: number, text: string) =>
      `* 1 FETCH (UID ${uid} INTERNALDATE "20-Nov-2026 10:00:0${uid % 10} +0000" BODY[]<0> {${text.length}}\r\n${text})`;
    // The last mail is always among those from a UID on.
    return later.length > from - 5 ? [one(from, later[from - 5]!), 'OK'] : [one(from - 1, 'an old one'), 'OK'];
  };

/** The mails passed on until there are so many, or until the folder is open where none is awaited. */
async function passedOn(box: ReturnType<typeof mailboxAt>, count: number, mostBytes = 100): Promise<NewMail[]> {
  const stop = new AbortController();
  const mails: NewMail[] = [];
  const done = () => mails.length === count && stop.abort();
  const take = (mail: NewMail) => {
    mails.push(mail);
    done();
  };
  await newMails(box, { signal: stop.signal, mostBytes, onOpen: done, onMail: take });
  return mails;
}

describe('the mails that reach a folder', () => {
  test('are passed on, each once and with its time, and nothing that was there before', async () => {
    wire = await startWire(folder(['the first', 'the second']));
    const mails = await passedOn(mailboxAt(`${AT}:${wire.port}/INBOX?tls=none`), 2);
    expect(mails.map(({ raw, at }) => [String(raw), at.toISOString()])).toEqual([
      ['the first', '2026-11-20T10:00:05.000Z'],
      ['the second', '2026-11-20T10:00:06.000Z'],
    ]);
    const looks = wire.lines.filter((line) => /^UID FETCH/.test(line)).map((line) => / (\d+:\*) /.exec(line)![1]);
    expect([...new Set(looks)]).toEqual(['5:*', '6:*']);
    expect(wire.lines.some((line) => /^(SELECT|UID STORE|UID MOVE|EXPUNGE)/.test(line))).toBe(false);
    expect(wire.lines.at(-1)).toBe('LOGOUT');
  });

  test('are asked for up to one byte beyond the limit, so that a larger one can be told', async () => {
    wire = await startWire(folder(['cut off']));
    await passedOn(mailboxAt(`${AT}:${wire.port}/INBOX?tls=none`), 1, 6);
    expect(wire.lines.find((line) => /^UID FETCH/.test(line))).toContain('BODY.PEEK[]<0.7>');
  });

  test('are read with a token of the endpoint where the mailbox has OAuth', async () => {
    const endpoint = createServer((_, response) => response.end('{"access_token":"a token","expires_in":3600}'));
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    try {
      wire = await startWire(folder([]), { capabilities: 'IMAP4rev1 SASL-IR AUTH=XOAUTH2' });
      const { port } = endpoint.address() as AddressInfo;
      const oauth = { token_url: `http://127.0.0.1:${port}/token`, client_id: 'c', client_secret: 's3cret' };
      expect(await passedOn(mailboxAt(`imap://demo@127.0.0.1:${wire.port}/INBOX?tls=none`, { oauth }), 0)).toEqual([]);
      const [, said] = /^AUTHENTICATE XOAUTH2 (\S+)$/m.exec(wire.lines.join('\n'))!;
      expect(Buffer.from(said!, 'base64').toString()).toBe('user=demo\u0001auth=Bearer a token\u0001\u0001');
    } finally {
      endpoint.close();
    }
  });

  test('cannot be read where the folder may not be entered: one sentence says so', async () => {
    wire = await startWire((line) => (/^EXAMINE/.test(line) ? ['NO [NOPERM] not yours'] : undefined));
    await expect(passedOn(mailboxAt(`${AT}:${wire.port}/INBOX?tls=none`), 1)).rejects.toMatchObject({
      code: 'imap_refused',
      message: expect.stringContaining('not yours'),
    });
  });

  test('are not asked for when it was ended before it could connect', async () => {
    wire = await startWire();
    const mailbox = mailboxAt(`${AT}:${wire.port}/INBOX?tls=none`);
    const never = () => expect.unreachable();
    await newMails(mailbox, { signal: AbortSignal.abort(), mostBytes: 1, onOpen: never, onMail: never });
    expect(wire.lines).toEqual([]);
  });
});
