import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startPoller } from '../../services/poller/index.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { contextFor, mailboxAt, type TestContext, until } from './setup.ts';
import { startWire } from './wire.ts';

let t: TestDatabase;
let context: TestContext;
let poller: Service;
beforeAll(async () => {
  t = await testDatabase();
});
afterEach(async () => {
  await poller.stop();
  await context.close();
});
afterAll(() => t.drop());
const begin = (...mailboxes: Mailbox[]) => {
  context = contextFor(t, mailboxes);
  poller = startPoller(context);
};
/** Nothing listens there. */
const box = () => mailboxAt('imap://demo:s3cret@127.0.0.1:1/INBOX?tls=none');

test('without a mailbox it says which settings it waits for', () => {
  begin();
  expect([poller.name, poller.waitingFor(), poller.stuck!()]).toEqual([
    'poller',
    'no mailbox is configured: set IMAP_URL, or mailboxes in ruawatch.yaml',
    null,
  ]);
});

test('it says what each mailbox waits for, and nothing of one that stands by', async () => {
  const [one, other, third] = [box(), box(), box()];
  await t.db.query(
    "insert into ruawatch.mailboxes (mailbox, folder, lease_owner, lease_until) values ($1, 'INBOX', 'b', now() + interval '1 hour')",
    [other.name],
  );
  begin(one, other, third);
  const sentence = (mailbox: Mailbox) =>
    `Mailbox "${mailbox.name}": 127.0.0.1:1 cannot be reached (ECONNREFUSED); check host, port and firewall.`;
  await until('all have been tried', () => poller.waitingFor() === `${sentence(one)} ${sentence(third)}`);
  await poller.stop();
  const { rows } = await t.db.query('select count(*)::int as n from ruawatch.mailboxes where lease_owner is not null');
  expect(rows).toEqual([{ n: 1 }]);
});

test('it waits for nothing while the first round goes on', async () => {
  const wire = await startWire((line) => {
    if (/^(?:UID )?SEARCH/i.test(line)) return ['* SEARCH 1', 'OK'];
    if (/^SELECT/i.test(line))
      return ['* FLAGS ()', '* 1 EXISTS', '* OK [UIDVALIDITY 7] .', '* OK [UIDNEXT 2] .', 'OK [READ-WRITE]'];
    return /^UID FETCH/i.test(line) ? null : undefined;
  });
  begin(mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX?tls=none`));
  await until('mails are asked for', () => wire.lines.some((line) => /^UID FETCH/i.test(line)));
  expect(poller.waitingFor()).toBeNull();
  for (const socket of wire.sockets) socket.destroy();
  await until('it was cut', () => poller.waitingFor() !== null);
  await poller.stop();
  await wire.stop();
});

test('a stop ends when every mailbox is left', async () => {
  const wire = await startWire();
  begin(mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX?tls=none`));
  await until('it idles', () => wire.lines.includes('IDLE'));
  await poller.stop();
  expect(wire.lines.at(-1)).toBe('LOGOUT');
  const { rows } = await t.db.query("select count(*)::int as n from ruawatch.mailboxes where lease_owner <> 'b'");
  expect(rows).toEqual([{ n: 0 }]);
  await wire.stop();
});

test('it waits for nothing when all stand by', async () => {
  const mailbox = box();
  await t.db.query(
    "insert into ruawatch.mailboxes (mailbox, folder, lease_owner, lease_until) values ($1, 'INBOX', 'b', now() + interval '1 hour')",
    [mailbox.name],
  );
  begin(mailbox);
  expect(poller.waitingFor()).toBe(`mailbox "${mailbox.name}": not connected yet`);
  await until('it stands by', () => poller.waitingFor() === null);
});
