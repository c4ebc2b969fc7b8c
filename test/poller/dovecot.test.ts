import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkMailbox, startPoller } from '../../services/poller/index.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../helpers/dovecot.ts';
import { contextFor, folderOf, look, mail, mailboxAt, rawOf, rowsOf, sha256, stateOf, type TestContext, until } from './setup.ts';

describe.skipIf(!dovecotPresent)(`Dovecot${dovecotPresent ? '' : ' (SKIPPED: dovecot-imapd is not installed)'}`, () => {
  let t: TestDatabase;
  let dovecot: Dovecot;
  beforeAll(async () => {
    [t, dovecot] = await Promise.all([testDatabase(), startDovecot()]);
  });
  afterAll(async () => {
    await dovecot.stop();
    await t.drop();
  });

  const user = () => dovecot.users[0]!;
  const login = () => `${user().name}:${encodeURIComponent(user().password)}`;
  const urls = {
    plain: () => `imap://${login()}@127.0.0.1:${dovecot.imapPort}/INBOX?tls=none`,
    starttls: () => `imap://${login()}@127.0.0.1:${dovecot.imapPort}/INBOX?tls_verify=no`,
    tls: () => `imaps://${login()}@127.0.0.1:${dovecot.imapsPort}/INBOX?tls_verify=no`,
  };
  const deliver = async (mails: Buffer[]) => {
    for (const raw of mails) await dovecot.deliver(user().name, raw);
  };
  const left = () => ['new', 'cur'].flatMap((part) => readdirSync(path.join(dovecot.maildir(user().name), part)));

  const open: { context: TestContext; stop(): Promise<void> }[] = [];
  const poll = (mailbox: Mailbox, limits?: Record<string, number>) => {
    const context = contextFor(t, [mailbox], limits);
    const poller = startPoller(context, { leaseMs: 3_000, retryMs: 50, refusedMs: 50, quietMs: 400 });
    open.push({ context, stop: () => poller.stop() });
    return { context, poller };
  };
  afterEach(async () => {
    for (const { context, stop } of open.splice(0)) {
      await stop();
      await context.close();
    }
    await look(mailboxAt(urls.plain()), async (client) => {
      await client.mailboxOpen('INBOX');
      await client.messageDelete('1:*');
    });
  });

  test.each(['starttls', 'tls'] as const)('%s: mails are taken and moved', async (how) => {
    await deliver([mail(`by ${how} 1`), mail(`by ${how} 2`)]);
    const mailbox = mailboxAt(urls[how](), { move_to: `taken by ${how}` });
    const { poller } = poll(mailbox);
    await until(
      'moved',
      () => left().length,
      (n) => n === 0,
    );
    const rows = await until(
      'disposed',
      () => rowsOf(t, mailbox),
      (r) => r.length === 2 && r.every((row) => row.disposed),
    );
    expect(rows.map((r) => r.subject)).toEqual([`by ${how} 1`, `by ${how} 2`]);
    expect((await folderOf(mailboxAt(urls.plain()), `taken by ${how}`))?.map((m) => m.subject)).toEqual(
      rows.map((r) => r.subject),
    );
    await until(
      'the round ends',
      () => poller.waitingFor(),
      (s) => s === null,
    );
  });

  test('a certificate nobody vouches for is refused, by STARTTLS and by TLS', async () => {
    const { log, close } = contextFor(t, []);
    for (const url of [urls.starttls(), urls.tls()]) {
      await expect(checkMailbox(mailboxAt(url.replace('?tls_verify=no', '')), log)).rejects.toMatchObject({
        code: 'imap_certificate',
        message: expect.stringMatching(/certificate of 127\.0\.0\.1:\d+ is not trusted.*tls_verify=no/),
      });
    }
    await close();
  });

  test('the check says what it found, and what is wrong in one sentence', async () => {
    const { log, close, logged } = contextFor(t, []);
    await deliver([mail('one')]);
    expect(await checkMailbox(mailboxAt(urls.tls()), log)).toBe('1 mail, IDLE, MOVE, READ-WRITE, "ruawatch" will be created');
    await expect(checkMailbox(mailboxAt(urls.tls().replace('correct', 'wrong')), log)).rejects.toMatchObject({
      code: 'imap_login',
      message: expect.stringContaining('wrong password or user'),
    });
    await expect(checkMailbox(mailboxAt(urls.tls(), { folder: 'Nowhere/at all' }), log)).rejects.toMatchObject({
      code: 'imap_folder',
    });
    expect(logged()).not.toContain('horse');
    // It was only looked at.
    expect((await folderOf(mailboxAt(urls.plain()), 'INBOX'))?.[0]?.flags).not.toContain('\\Seen');
    await close();
  });

  test('IDLE: a mail is taken when it arrives, long before it is time to poll', async () => {
    const mailbox = mailboxAt(urls.plain(), { poll_seconds: 3600 });
    const { poller } = poll(mailbox);
    await until(
      'the first round ends',
      () => poller.waitingFor(),
      (s) => s === null,
    );
    for (const subject of ['first', 'second', 'after a silence']) {
      // Long enough for the connection to be asked, more than once, whether it still stands; IDLE must go on
      // after that.
      if (subject === 'after a silence') await new Promise((resolve) => setTimeout(resolve, 1_000));
      await deliver([mail(subject)]);
      await until(
        `${subject} is taken`,
        () => rowsOf(t, mailbox),
        (r) => r.some((row) => row.subject === subject),
      );
    }
    await until(
      'moved',
      () => left().length,
      (n) => n === 0,
    );
  });

  test('after: flag, delete and keep', async () => {
    const mails = [mail('p'), mail('q')];
    await deliver(mails);
    const kept = mailboxAt(urls.plain(), { after: 'keep' });
    const flagged = mailboxAt(urls.plain(), { after: 'flag', flag: '$taken' });
    for (const mailbox of [kept, flagged]) {
      poll(mailbox);
      await until(
        'taken',
        () => rowsOf(t, mailbox),
        (r) => r.length === 2 && r.every((row) => row.disposed),
      );
      const { context, stop } = open.pop()!;
      await stop();
      await context.close();
      const flags = (await folderOf(kept, 'INBOX'))!.map((m) => m.flags.filter((f) => f !== '\\Recent'));
      expect(flags).toEqual(mailbox === kept ? [[], []] : [['$taken'], ['$taken']]);
    }
    const deleted = mailboxAt(urls.plain(), { after: 'delete' });
    poll(deleted);
    await until(
      'deleted',
      () => left().length,
      (n) => n === 0,
    );
    expect(await rowsOf(t, deleted)).toHaveLength(2);
  });

  test('a mail of 9 MiB arrives in pieces of 256 KiB, byte by byte the same; again, it is known', async () => {
    const body = randomBytes(6.6 * 1024 * 1024)
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n');
    const large = mail('large', body);
    expect(large.length).toBeGreaterThan(9 * 1024 * 1024);
    await deliver([mail('a small one'), large]);
    const mailbox = mailboxAt(urls.plain());
    poll(mailbox);
    const rows = await until(
      'both are taken',
      () => rowsOf(t, mailbox),
      (r) => r.length === 2 && r.every((row) => row.disposed),
    );
    expect(rows[1]).toMatchObject({ subject: 'large', size: large.length, state: 'received' });
    const raw = await rawOf(t, rows[1]!.message_key);
    expect(raw.bytes.equals(large)).toBe(true);
    expect(rows[1]!.sha256?.equals(sha256(large))).toBe(true);
    expect(raw.pieces.slice(0, -1).every((n) => n === 256 * 1024)).toBe(true);
    await deliver([large]);
    await until(
      'moved',
      () => left().length,
      (n) => n === 0,
    );
    expect(await rowsOf(t, mailbox)).toHaveLength(2);
    const { rows: orphans } = await t.db.query(
      'select 1 from ruawatch.raw r where not exists (select 1 from ruawatch.messages m where m.message_key = r.message_key)',
    );
    expect(orphans).toEqual([]);
  });

  test('a recreated folder (new UIDVALIDITY) is read again, and nothing is stored twice', async () => {
    const admin = mailboxAt(urls.plain());
    const mails = [mail('u1'), mail('u2'), mail('u3')];
    const refill = (some: Buffer[]) =>
      look(admin, async (client) => {
        await client.mailboxCreate('Reports');
        for (const raw of some) await client.append('Reports', raw);
      });
    await refill(mails.slice(0, 2));
    const mailbox = mailboxAt(urls.plain(), { folder: 'Reports', after: 'flag' });
    poll({ ...mailbox });
    await until(
      'taken',
      () => rowsOf(t, mailbox),
      (r) => r.length === 2 && r.every((row) => row.disposed),
    );
    const before = await stateOf(t, mailbox);
    // UIDVALIDITY is the time of creation here, in seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    // The poller has the folder open all the while, and Dovecot may refuse to delete or make it at just that
    // moment.
    const insist = (what: string, work: () => Promise<unknown>, done: () => Promise<boolean>) =>
      until(what, async () => {
        await work().catch(() => undefined);
        // Dovecot ends the connection of whoever looks at a folder that is deleted just then.
        return done().catch(() => false);
      });
    await insist(
      'deleted',
      () => look(admin, (client) => client.mailboxDelete('Reports')),
      async () => (await folderOf(admin, 'Reports')) === null,
    );
    await insist(
      'made again',
      () => refill(mails),
      async () => ((await folderOf(admin, 'Reports'))?.length ?? 0) >= 3,
    );
    await until(
      'the third is taken',
      () => rowsOf(t, mailbox),
      (r) => r.length === 3 && r.every((row) => row.disposed),
    );
    expect((await stateOf(t, mailbox)).uid_validity).not.toBe(before.uid_validity);
    const flags = (await folderOf(admin, 'Reports'))!.map((m) => m.flags);
    expect(flags.every((f) => f.includes('$ruawatch'))).toBe(true);
  });

  test('500 mails with two pollers, and the server restarted in between: every mail once, all moved', async () => {
    const mails = Array.from({ length: 500 }, (_, i) => mail(`mass ${String(i).padStart(3, '0')}`));
    const mailbox = mailboxAt(urls.plain(), { move_to: 'mass' });
    poll(mailbox);
    poll(mailbox);
    await deliver(mails.slice(0, 250));
    await until(
      'some are taken',
      () => rowsOf(t, mailbox),
      (r) => r.length > 20,
    );
    await dovecot.down();
    await deliver(mails.slice(250));
    await dovecot.up();
    await until(
      'all are moved',
      () => left().length,
      (n) => n === 0,
    );
    const rows = await until(
      'all are disposed of',
      () => rowsOf(t, mailbox),
      (r) => r.length === 500 && r.every((row) => row.disposed),
    );
    expect(rows.map((r) => r.sha256!.toString('hex'))).toEqual(mails.map((m) => sha256(m).toString('hex')));
    expect((await folderOf(mailboxAt(urls.plain()), 'mass'))?.map((m) => m.subject)).toEqual(rows.map((r) => r.subject));
    await until(
      'the backlog is empty',
      () => stateOf(t, mailbox),
      (s) => s.backlog === 0,
    );
  });
});
