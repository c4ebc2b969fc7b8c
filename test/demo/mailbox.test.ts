import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DemoMailbox, startDemoMailbox } from '../../demo/mailbox.ts';
import { generateDemo } from '../../demo/world.ts';

const { mails } = await generateDemo({ seed: 3, today: new Date('2026-06-10T15:30:00Z'), days: 3 });
let mailbox: DemoMailbox;
let client: ImapFlow;

function clientOf(url: string, password?: string): ImapFlow {
  const { hostname, port, username, password: own } = new URL(url);
  return new ImapFlow({
    host: hostname,
    port: Number(port),
    secure: false,
    auth: { user: username, pass: password ?? own },
    logger: false,
  });
}

beforeEach(async () => {
  mailbox = await startDemoMailbox(mails);
  client = clientOf(mailbox.url);
  await client.connect();
});

afterEach(async () => {
  await client.logout();
  await mailbox.stop();
});

test('listens on loopback and turns a wrong password away', async () => {
  expect(mailbox.url).toMatch(/^imap:\/\/demo:[0-9a-f]{18}@127\.0\.0\.1:\d+$/);
  const stranger = clientOf(mailbox.url, 'guess');
  await expect(stranger.connect()).rejects.toMatchObject({ authenticationFailed: true });
});

test('hands out every mail whole, with its size, date and envelope', async () => {
  const opened = await client.mailboxOpen('INBOX');
  expect(opened.exists).toBe(mails.length);
  const fetched = [];
  for await (const mail of client.fetch(
    '1:*',
    { uid: true, size: true, internalDate: true, envelope: true, source: true },
    { uid: true },
  )) {
    fetched.push(mail);
  }
  expect(fetched.map(({ uid }) => uid)).toEqual(mails.map((_, i) => i + 1));
  for (const [i, { raw, received }] of mails.entries()) {
    const mail = fetched[i];
    expect(mail?.source?.equals(raw)).toBe(true);
    expect(mail?.size).toBe(raw.length);
    expect(new Date(mail?.internalDate as Date).getTime()).toBe(received.getTime());
    expect(mail?.envelope?.subject).toMatch(/^Report domain: kestrel-(books|pay)\.example/i);
  }
});

test('creates a folder and moves mail there by uid', async () => {
  await client.mailboxOpen('INBOX');
  expect(await client.messageMove('1', 'Nowhere', { uid: true })).toBe(false);
  expect((await client.mailboxCreate('DMARC/Processed')).created).toBe(true);
  const moved = await client.messageMove('2,4:5', 'DMARC/Processed', { uid: true });
  expect(moved && [...(moved.uidMap ?? [])]).toEqual([
    [2, 1],
    [4, 2],
    [5, 3],
  ]);
  expect(await client.status('INBOX', { messages: true })).toMatchObject({ messages: mails.length - 3 });
  await client.mailboxOpen('DMARC/Processed');
  const third = (await client.fetchOne('3', { source: true, internalDate: true }, { uid: true })) || undefined;
  expect(third?.source?.equals(mails[4]?.raw as Buffer)).toBe(true);
  expect(new Date(third?.internalDate as Date).getTime()).toBe(mails[4]?.received.getTime());
});

test('refuses a folder that is not there with NO, and goes on', async () => {
  await expect(client.mailboxOpen('Nowhere')).rejects.toMatchObject({ responseStatus: 'NO' });
  expect((await client.mailboxOpen('INBOX')).exists).toBe(mails.length);
});

test('wakes a client in IDLE', async () => {
  await client.mailboxOpen('INBOX');
  const woken = new Promise<number>((resolve) => client.once('exists', ({ count }) => resolve(count)));
  const idle = client.idle();
  mailbox.append(mails[0]?.raw as Buffer, mails[0]?.received);
  expect(await woken).toBe(mails.length + 1);
  const last = (await client.fetchOne('*', { uid: true, source: true })) || undefined;
  expect(last?.source?.equals(mails[0]?.raw as Buffer)).toBe(true);
  await idle;
});

test('starts with another UIDVALIDITY each time', async () => {
  const first = (await client.mailboxOpen('INBOX')).uidValidity;
  const second = await startDemoMailbox(mails);
  const other = clientOf(second.url);
  await other.connect();
  expect((await other.mailboxOpen('INBOX')).uidValidity).not.toBe(first);
  await other.logout();
  await second.stop();
});

test('stops although a client is connected', async () => {
  const second = await startDemoMailbox([]);
  const other = clientOf(second.url);
  const closed = new Promise<void>((resolve) => other.once('close', () => resolve()));
  await other.connect();
  await second.stop();
  await closed;
  await expect(clientOf(second.url).connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
