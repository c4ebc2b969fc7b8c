import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPoller } from '../../services/poller/index.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import {
  contextFor,
  mail,
  mailboxAt,
  rawOf,
  refusing,
  rowsOf,
  sha256,
  startImap,
  stateOf,
  type TestContext,
  until,
} from './setup.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

async function withPoller<T>(context: TestContext, work: (poller: Service) => Promise<T>): Promise<T> {
  const poller = startPoller(context, { retryMs: 50, refusedMs: 50 });
  try {
    return await work(poller);
  } finally {
    await poller.stop();
    await context.close();
  }
}

describe('a slim server (hoodiecrow: no MOVE, no UIDPLUS, no IDLE)', () => {
  test('mails are stored byte by byte, their job is queued, and they end in a folder that is made for them', async () => {
    const mails = Array.from({ length: 120 }, (_, i) => mail(`report ${String(i).padStart(3, '0')}`));
    const imap = await startImap({ mails });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(t, [mailbox]);
    await withPoller(context, async (poller) => {
      await until(
        'all are moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      await until(
        'the round ends',
        () => stateOf(t, mailbox),
        (s) => s.polled && s.backlog === 0,
      );
      expect(poller.waitingFor()).toBeNull();
      const rows = await rowsOf(t, mailbox);
      expect(rows.map((r) => r.sha256?.toString('hex'))).toEqual(mails.map((m) => sha256(m).toString('hex')));
      expect(rows.every((r) => r.state === 'received' && r.disposed)).toBe(true);
      expect(rows[0]).toMatchObject({
        subject: 'report 000',
        sender: 'Reporter <noreply@reporter.example>',
        message_id: '<report.000@reporter.example>',
        size: mails[0]!.length,
      });
      expect((await rawOf(t, rows[7]!.message_key)).bytes.equals(mails[7]!)).toBe(true);
      await until(
        'the jobs of both batches are there',
        () => context.queues.counts(),
        (c) => c.parse.waiting! >= 2,
      );
      expect(await context.metrics.registry.getSingleMetricAsString('ruawatch_mails_total')).toContain(
        `mailbox="${mailbox.name}",outcome="stored"} 120`,
      );
      // New mail is found by polling, without IDLE.
      imap.append(mail('one more'));
      await until(
        'the late one is moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      expect(await rowsOf(t, mailbox)).toHaveLength(121);
    });
    expect((await stateOf(t, mailbox)).lease_owner).toBeNull();
    expect(context.logged()).not.toContain('secret word');
    await imap.stop();
  });

  test('two mails of the same bytes are one message, and both are moved', async () => {
    const same = mail('twice');
    const imap = await startImap({ mails: [same, mail('once'), same] });
    const mailbox = mailboxAt(imap.url);
    await withPoller(contextFor(t, [mailbox]), async () => {
      await until(
        'all are moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      const rows = await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.every((row) => row.disposed),
      );
      expect(rows.map((r) => r.subject)).toEqual(['once', 'twice']);
    });
    await imap.stop();
  });

  test('after: delete leaves an empty folder and nothing else', async () => {
    const imap = await startImap({ mails: [mail('a'), mail('b')], plugins: ['UIDPLUS'] });
    const mailbox = mailboxAt(imap.url, { after: 'delete' });
    await withPoller(contextFor(t, [mailbox]), async () => {
      await until(
        'all are deleted',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      expect(
        (
          await until(
            'disposed',
            () => rowsOf(t, mailbox),
            (r) => r.every((row) => row.disposed),
          )
        ).length,
      ).toBe(2);
    });
    await imap.stop();
  });

  test('after: flag leaves flagged mails, and does not take them again', async () => {
    const imap = await startImap({ mails: [mail('a'), mail('b')] });
    const mailbox = mailboxAt(imap.url, { after: 'flag' });
    await withPoller(contextFor(t, [mailbox]), async () => {
      await until(
        'all are flagged',
        () => imap.inbox().map((m) => m.flags.join()),
        (f) => f.every((flags) => flags.includes('$ruawatch')),
      );
      imap.append(mail('c'));
      await until(
        'the third too',
        () => imap.inbox().filter((m) => m.flags.includes('$ruawatch')).length,
        (n) => n === 3,
      );
      await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3 && r.every((row) => row.disposed),
      );
    });
    await imap.stop();
  });

  test('after: keep changes nothing in the mailbox and goes by the last UID', async () => {
    const imap = await startImap({ mails: [mail('a'), mail('b')] });
    const mailbox = mailboxAt(imap.url, { after: 'keep' });
    const context = contextFor(t, [mailbox]);
    await withPoller(context, async () => {
      await until(
        'stored',
        () => rowsOf(t, mailbox),
        (r) => r.length === 2 && r.every((row) => row.disposed),
      );
      imap.append(mail('c'));
      await until(
        'the third too',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3,
      );
      expect(imap.inbox().map((m) => m.flags)).toEqual([[], [], []]);
      expect(await stateOf(t, mailbox)).toMatchObject({ last_uid: imap.inbox()[2]!.uid });
      // A known mail is not even fetched again.
      expect(await context.metrics.registry.getSingleMetricAsString('ruawatch_mails_total')).not.toMatch(
        /outcome="known"} [1-9]/,
      );
    });
    await imap.stop();
  });

  test('a mail over the size limit is recorded once, without its bytes, and left where it is', async () => {
    const big = mail('huge', 'x'.repeat(70_000));
    const imap = await startImap({ mails: [mail('small'), big] });
    const mailbox = mailboxAt(imap.url, { after: 'move' });
    const context = contextFor(t, [mailbox], { mailBytes: 50_000 });
    await withPoller(context, async () => {
      const rows = await until(
        'both are there',
        () => rowsOf(t, mailbox),
        (r) => r.length === 2,
      );
      expect(rows[0]).toMatchObject({
        subject: 'huge',
        state: 'quarantined',
        code: 'mail_too_large',
        sha256: null,
        size: big.length,
      });
      expect(rows[0]!.reason).toContain('left in the folder');
      expect((await rawOf(t, rows[0]!.message_key)).pieces).toEqual([]);
      imap.append(mail('next'));
      await until(
        'the next one is stored',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3,
      );
      await until(
        'only the large one is left',
        () => imap.inbox().length,
        (n) => n === 1,
      );
      expect(imap.inbox()[0]!.flags).toEqual([]);
      expect(await context.metrics.registry.getSingleMetricAsString('ruawatch_mails_total')).toContain('outcome="oversize"} 1');
    });
    await imap.stop();
  });

  test('when the size limit is raised, the mail that was left is taken', async () => {
    const imap = await startImap({ mails: [mail('huge', 'x'.repeat(70_000))] });
    const mailbox = mailboxAt(imap.url);
    await withPoller(contextFor(t, [mailbox], { mailBytes: 50_000 }), () =>
      until(
        'it is recorded',
        () => rowsOf(t, mailbox),
        (r) => r[0]?.code === 'mail_too_large',
      ),
    );
    expect(imap.inbox()).toHaveLength(1);
    await withPoller(contextFor(t, [mailbox], { mailBytes: 100_000 }), async () => {
      await until(
        'it is moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      const rows = await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.length === 1 && r[0]!.disposed,
      );
      expect(rows[0]).toMatchObject({ subject: 'huge', state: 'received', code: null });
    });
    await imap.stop();
  });

  test('a mail the server cannot hand over is recorded, and does not hold up the others', async () => {
    const imap = await startImap({
      mails: [mail('good'), mail('broken'), mail('fine')],
      plugins: [
        (server) => {
          const fetch = server.getCommandHandler('UID FETCH');
          server.setCommandHandler('UID FETCH', (connection, parsed, data, done) => {
            const mails = server.getMessageRange(connection.selectedMailbox!, parsed.attributes![0]!.value!, true);
            if (/BODY\.PEEK/.test(data) && mails.some(([, m]) => m.raw.includes('Subject: broken'))) {
              connection.send(
                { tag: parsed.tag, command: 'NO', attributes: [{ type: 'TEXT', value: 'Input/output error' }] },
                'FETCH FAILED',
                parsed,
                data,
              );
              return done();
            }
            fetch(connection, parsed, data, done);
          });
        },
      ],
    });
    const mailbox = mailboxAt(imap.url);
    await withPoller(contextFor(t, [mailbox]), async () => {
      const rows = await until(
        'all are accounted for',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3 && r.every((row) => row.disposed),
      );
      expect(rows.map((r) => r.code).sort()).toEqual(['mail_unreadable', null, null]);
      expect(rows.find((r) => r.code === 'mail_unreadable')!.reason).toContain('Input/output error');
      await until(
        'only the broken one is left',
        () => imap.inbox().length,
        (n) => n === 1,
      );
    });
    await imap.stop();
  });

  test('an outage of the server is told in one sentence', async () => {
    const imap = await startImap({ mails: [mail('before')] });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(t, [mailbox]);
    await withPoller(context, async (poller) => {
      await until(
        'stored',
        () => rowsOf(t, mailbox),
        (r) => r.length === 1,
      );
      await imap.stop();
      await until(
        'it says what it waits for',
        () => poller.waitingFor(),
        (sentence) => new RegExp(`Mailbox "${mailbox.name}".*(lost|reached)`).test(sentence ?? ''),
      );
      const { last_error } = await until(
        'it is recorded',
        () => stateOf(t, mailbox),
        (s) => s.last_error !== null,
      );
      expect(last_error).toContain(mailbox.name);
    });
  });
});

describe('a crash between commit and move', () => {
  test('the move is made up for before anything else, and nothing is stored twice', async () => {
    const mails = [mail('stored before the crash'), mail('never seen')];
    const imap = await startImap({ mails, uidvalidity: 7 });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(t, [mailbox]);
    const uid = imap.inbox()[0]!.uid;
    await t.db.query(
      `insert into ruawatch.messages (mailbox, folder, uid_validity, uid, received_at, size, sha256, fingerprint, state)
       values ($1, 'INBOX', 7, $2, now(), $3, $4, $4, 'received')`,
      [mailbox.name, uid, mails[0]!.length, sha256(mails[0]!)],
    );
    await t.db.query(`insert into ruawatch.mailboxes (mailbox, folder, uid_validity, last_uid) values ($1, 'INBOX', 7, $2)`, [
      mailbox.name,
      uid,
    ]);
    await withPoller(context, async () => {
      await until(
        'both are moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      const rows = await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.every((row) => row.disposed),
      );
      expect(rows).toHaveLength(2);
      expect(await context.metrics.registry.getSingleMetricAsString('ruawatch_mails_total')).not.toMatch(
        /outcome="known"} [1-9]/,
      );
    });
    await imap.stop();
  });

  test('a connection that breaks while the mails are being moved', async () => {
    let breaks = 3;
    const imap = await startImap({
      mails: Array.from({ length: 120 }, (_, i) => mail(`m${i}`)),
      plugins: [
        (server) => {
          const copy = server.getCommandHandler('UID COPY');
          server.setCommandHandler('UID COPY', (connection, parsed, data, done) => {
            if (breaks-- > 0) connection.socket?.destroy();
            else copy(connection, parsed, data, done);
          });
        },
      ],
    });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(t, [mailbox]);
    await withPoller(context, async () => {
      await until(
        'all are moved',
        () => imap.inbox().length,
        (n) => n === 0,
      );
      const rows = await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.length === 120 && r.every((row) => row.disposed),
      );
      expect(new Set(rows.map((r) => r.subject)).size).toBe(120);
      expect(breaks).toBeLessThan(0);
      expect(await context.metrics.registry.getSingleMetricAsString('ruawatch_mails_total')).toContain('outcome="stored"} 120');
    });
    await imap.stop();
  });

  test('a changed UIDVALIDITY: all is read again, nothing is counted twice, and what was not moved is', async () => {
    const mails = [mail('one'), mail('two'), mail('three')];
    const first = await startImap({ mails: mails.slice(0, 2), uidvalidity: 7 });
    const mailbox = mailboxAt(first.url, { after: 'keep' });
    await withPoller(contextFor(t, [mailbox]), () =>
      until(
        'stored',
        () => rowsOf(t, mailbox),
        (r) => r.length === 2,
      ),
    );
    await first.stop();
    // One that a crash left unmoved, under the old UIDVALIDITY.
    await t.db.query(`update ruawatch.messages set disposed_at = null, uid = 999 where mailbox = $1 and subject = 'one'`, [
      mailbox.name,
    ]);

    const second = await startImap({ mails, uidvalidity: 8 });
    const moved = { ...mailboxAt(second.url, { name: mailbox.name }) };
    const context = contextFor(t, [moved]);
    await withPoller(context, async () => {
      await until(
        'all are moved',
        () => second.inbox().length,
        (n) => n === 0,
      );
      const rows = await until(
        'disposed',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3 && r.every((row) => row.disposed),
      );
      expect(rows.map((r) => r.subject)).toEqual(['one', 'three', 'two']);
      expect(await stateOf(t, mailbox)).toMatchObject({ uid_validity: 8 });
      expect(context.logged()).toContain('all its mails are read again');
    });
    await second.stop();
  });
});

describe('two pollers on one mailbox', () => {
  test('only the holder of the lease connects; when it stops, the other one goes on', async () => {
    const imap = await startImap({ mails: Array.from({ length: 30 }, (_, i) => mail(`m${i}`)) });
    const mailbox = mailboxAt(imap.url);
    const a = contextFor(t, [mailbox]);
    const b = contextFor(t, [mailbox]);
    const pollers = [a, b].map((c) => startPoller(c, { leaseMs: 1_000 }));
    await until(
      'all are moved',
      () => imap.inbox().length,
      (n) => n === 0,
    );
    expect(await rowsOf(t, mailbox)).toHaveLength(30);
    const connected = (c: TestContext) => c.logged().includes('mailbox connected');
    expect([connected(a), connected(b)].filter(Boolean)).toHaveLength(1);
    await until(
      'neither waits for anything',
      () => pollers.map((p) => p.waitingFor()),
      (w) => w.every((sentence) => sentence === null),
    );
    const [holder, other] = connected(a) ? [0, 1] : [1, 0];
    await pollers[holder]!.stop();
    imap.append(mail('for the second'));
    await until(
      'the second takes it',
      () => rowsOf(t, mailbox),
      (r) => r.length === 31,
    );
    await pollers[other]!.stop();
    await Promise.all([a.close(), b.close(), imap.stop()]);
  });

  test('a lease that ran out (its poller was killed) is taken over; one that still runs is respected', async () => {
    const imap = await startImap({ mails: [mail('x')] });
    const mailbox = mailboxAt(imap.url);
    await t.db.query(
      `insert into ruawatch.mailboxes (mailbox, folder, lease_owner, lease_until) values ($1, 'INBOX', 'a dead poller', now() + interval '1 hour')`,
      [mailbox.name],
    );
    const context = contextFor(t, [mailbox]);
    const poller = startPoller(context, { leaseMs: 600 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await rowsOf(t, mailbox)).toEqual([]);
    expect(context.logged()).not.toContain('mailbox connected');
    await t.db.query(`update ruawatch.mailboxes set lease_until = now() - interval '1 second' where mailbox = $1`, [
      mailbox.name,
    ]);
    await until(
      'it is taken over',
      () => rowsOf(t, mailbox),
      (r) => r.length === 1,
    );
    await poller.stop();
    await Promise.all([context.close(), imap.stop()]);
  });

  test('a poller that loses its lease lets go of the mailbox at once', async () => {
    const imap = await startImap({ mails: [mail('x')] });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(t, [mailbox]);
    const poller = startPoller(context, { leaseMs: 800, retryMs: 50 });
    await until(
      'stored',
      () => rowsOf(t, mailbox),
      (r) => r.length === 1 && r.every((row) => row.disposed),
    );
    await t.db.query(
      `update ruawatch.mailboxes set lease_owner = 'another', lease_until = now() + interval '1 hour' where mailbox = $1`,
      [mailbox.name],
    );
    imap.append(mail('not for the first any more'));
    await until(
      'it notices',
      () => context.logged(),
      (text) => text.includes('lease'),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await rowsOf(t, mailbox)).toHaveLength(1);
    expect(imap.inbox()).toHaveLength(1);
    expect(await stateOf(t, mailbox)).toMatchObject({ lease_owner: 'another' });
    await poller.stop();
    await Promise.all([context.close(), imap.stop()]);
  });
});

describe('what goes wrong is one sentence', () => {
  test.each([
    [
      'a wrong password',
      'imap://demo:wrong@127.0.0.1:PORT/INBOX?tls=none',
      {},
      /wrong password or user: 127\.0\.0\.1:\d+ refused the login of "demo"/,
    ],
    ['a missing folder', 'imap://demo:secret%20word@127.0.0.1:PORT/Nowhere?tls=none', {}, /there is no folder "Nowhere"/],
    ['no STARTTLS', 'imap://demo:secret%20word@127.0.0.1:PORT/INBOX', {}, /offers no STARTTLS, and nothing is sent in the clear/],
    ['no TLS', 'imaps://demo:secret%20word@127.0.0.1:PORT/INBOX', {}, /does not speak TLS from the start/],
    ['nobody there', 'imap://demo:secret%20word@127.0.0.1:1/INBOX?tls=none', {}, /cannot be reached \(ECONNREFUSED\)/],
  ])('%s', async (_what, url, extra, sentence) => {
    const imap = await startImap({ mails: [mail('x')], plugins: [] });
    const mailbox = mailboxAt(url.replace('PORT', String(imap.port)), extra);
    const context = contextFor(t, [mailbox]);
    await withPoller(context, async (poller) => {
      await until(
        'it says what it waits for',
        () => poller.waitingFor(),
        (s) => sentence.test(s ?? ''),
      );
      await until(
        'it is recorded',
        () => stateOf(t, mailbox),
        (s) => sentence.test(s?.last_error ?? ''),
      );
    });
    expect(await rowsOf(t, mailbox)).toEqual([]);
    expect(context.logged()).not.toMatch(/secret word|"wrong"| {4}at /);
    await imap.stop();
  });

  test('mails that cannot be moved are stored all the same, and the reason is told', async () => {
    const imap = await startImap({ mails: [mail('x'), mail('y')], plugins: [refusing('UID COPY', 'Quota exceeded')] });
    const mailbox = mailboxAt(imap.url);
    await withPoller(contextFor(t, [mailbox]), async (poller) => {
      await until(
        'it tells',
        () => poller.waitingFor(),
        (s) => /cannot be moved to the folder "ruawatch".*Quota exceeded/.test(s ?? ''),
      );
      imap.append(mail('z'));
      const rows = await until(
        'the third is stored',
        () => rowsOf(t, mailbox),
        (r) => r.length === 3,
      );
      expect(rows.map((r) => r.disposed)).toEqual([false, false, false]);
      expect(imap.inbox()).toHaveLength(3);
    });
    await imap.stop();
  });

  test('Postgres gone: the poller waits, and nothing is moved', async () => {
    const lost = await testDatabase();
    const imap = await startImap({ mails: [] });
    const mailbox = mailboxAt(imap.url);
    const context = contextFor(lost, [mailbox]);
    const poller = startPoller(context, { retryMs: 50 });
    await until(
      'the first round ends',
      () => poller.waitingFor(),
      (s) => s === null,
    );
    await lost.db.query('alter table ruawatch.messages rename to messages_away');
    imap.append(mail('must stay'));
    await until(
      'it waits',
      () => poller.waitingFor(),
      (s) => /waits for Postgres/.test(s ?? ''),
    );
    expect(imap.inbox()).toHaveLength(1);
    await lost.db.query('alter table ruawatch.messages_away rename to messages');
    await until(
      'it goes on',
      () => imap.inbox().length,
      (n) => n === 0,
    );
    expect(await rowsOf(lost, mailbox)).toHaveLength(1);
    await poller.stop();
    await context.close();
    await Promise.all([lost.drop(), imap.stop()]);
  });
});
