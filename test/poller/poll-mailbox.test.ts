import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pollRound } from '../../services/poller/poll-mailbox.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type FakeSession, Folder, sessionOn } from './folder.ts';
import { contextFor, mail, mailboxAt, rowsOf, type TestContext } from './setup.ts';

const LIMIT = 3 * 1024 * 1024;
const MIB = 1024 * 1024;
let t: TestDatabase;
let context: TestContext;
let folder: Folder;
let mailbox: Mailbox;
beforeEach(async () => {
  t = await testDatabase();
  folder = new Folder();
  begin({});
});
afterEach(async () => {
  await context.close();
  await t.drop();
});
function begin(extra: Parameters<typeof mailboxAt>[1]): void {
  mailbox = mailboxAt('imap://a:b@127.0.0.1:1/INBOX?tls=none', extra);
  context = contextFor(t, [mailbox], { mailBytes: LIMIT });
}
const session = (): Promise<FakeSession> => sessionOn(context, mailbox, folder);
const put = (uid: number, raw: Buffer = mail(`mail ${uid}`), announced?: number) =>
  folder.mails.set(uid, { raw, ...(announced === undefined ? {} : { announced }) });
const states = async () => (await rowsOf(t, mailbox)).map(({ uid, state, code, disposed }) => [uid, state, code, disposed]);
const progress = async () =>
  (await t.db.query('select last_uid, backlog, polled_at is not null as polled from ruawatch.mailboxes')).rows[0];
const changes = () => folder.asked.filter((what) => /^(move|delete|flag|create)/.test(what));
const big = (size: number) => Buffer.concat([mail(`big ${size}`), Buffer.alloc(size, 'x\r\n')]).subarray(0, size);
const metric = async (name: string) =>
  (await context.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));

test('mails are stored, then moved; the parser is woken for the new ones, and the progress is written', async () => {
  for (const uid of [3, 4, 9]) put(uid);
  const s = await session();
  expect(await pollRound(s)).toBe(null);
  expect(folder.asked).toEqual(['open INBOX', 'search all', 'list 3:4,9', 'fetch 3:4,9', `move to ${mailbox.moveTo} 3:4,9`]);
  expect(await states()).toEqual([3, 4, 9].map((uid) => [uid, 'received', null, true]));
  expect(s.woken).toEqual((await rowsOf(t, mailbox)).map((row) => row.message_key).sort((a, b) => a - b));
  expect(await progress()).toEqual({ last_uid: 9, backlog: 0, polled: true });
  expect(s.state.lastUid).toBe(9);
  expect(await metric('ruawatch_mails_total')).toEqual([
    expect.stringMatching(/outcome="stored"\} 3$/),
    expect.stringMatching(/outcome="known"\} 0$/),
  ]);
  expect((await rowsOf(t, mailbox))[0]).toMatchObject({
    subject: 'mail 3',
    sender: expect.stringContaining('noreply@'),
    received_at: new Date(3000),
  });
});

test('mails that are known already are moved too, and wake nobody', async () => {
  const raw = mail('again');
  put(1, raw);
  await pollRound(await session());
  put(2, raw);
  const s = await session();
  await pollRound(s);
  expect(s.wakes).toBe(0);
  expect(folder.mails.size).toBe(0);
  expect(await states()).toEqual([[2, 'received', null, true]]);
  expect((await metric('ruawatch_mails_total')).at(-1)).toMatch(/outcome="known"\} 1$/);
});

describe('the size that the server announces is not believed', () => {
  test.each([
    ['a small one that is over the limit', LIMIT + 1, 100, 'mail_too_large'],
    ['a large one that is over the limit', LIMIT + 1, LIMIT, 'mail_too_large'],
    ['a small one of just the limit', LIMIT, 100, null],
    ['a large one of just the limit', LIMIT, LIMIT - 1, null],
    ['a large one that is small', 700, LIMIT, null],
  ])('%s', async (_, size, announced, code) => {
    const raw = big(size);
    put(1, raw, announced);
    put(2);
    const s = await session();
    await pollRound(s);
    const [one] = (await rowsOf(t, mailbox)).filter((row) => row.uid === 1);
    expect(one).toMatchObject({ size, code, state: code === null ? 'received' : 'quarantined' });
    expect(one!.sha256).toEqual(code === null ? createHash('sha256').update(raw).digest() : null);
    expect([...folder.mails.keys()]).toEqual(code === null ? [] : [1]);
    expect(s.woken).toHaveLength(code === null ? 2 : 1);
    const { rows } = await t.db.query(
      'select coalesce(sum(coalesce(plain_size, octet_length(bytes))), 0) as n from ruawatch.raw',
    );
    expect(rows[0].n).toBe((code === null ? size : 0) + (await rowsOf(t, mailbox)).find((row) => row.uid === 2)!.size);
    expect(await progress()).toEqual({ last_uid: 2, backlog: 0, polled: true });
  });

  test('one that is left is said to be once, also when the server counts its mails anew', async () => {
    put(1, mail('huge'), LIMIT + 1);
    for (const validity of [7, 8]) {
      folder.uidValidity = validity;
      await pollRound(await session());
    }
    expect(await metric('ruawatch_mails_total')).toEqual([expect.stringMatching(/outcome="oversize"\} 2$/)]);
    expect(context.logged().split('a mail was left in the folder')).toHaveLength(2);
  });

  test('one that is announced as too large is asked for its header alone, once', async () => {
    put(1, mail('huge'), LIMIT + 1);
    await pollRound(await session());
    folder.asked = [];
    const s = await session();
    await pollRound(s);
    expect(folder.asked).toEqual(['open INBOX', 'search all']);
    expect(await states()).toEqual([[1, 'quarantined', 'mail_too_large', true]]);
    expect((await rowsOf(t, mailbox))[0]!.reason).toContain(`more than limits.mailBytes (${LIMIT})`);
    expect(await metric('ruawatch_mails_total')).toEqual([expect.stringMatching(/outcome="oversize"\} 1$/)]);
    // The limit is raised.
    context.config.limits.mailBytes = LIMIT + 1;
    await pollRound(await session());
    expect(await states()).toEqual([[1, 'received', null, true]]);
  });
});

describe('a lease that is lost', () => {
  test('before the commit: nothing is stored, nothing is moved, nobody is woken', async () => {
    put(1);
    const s = await session();
    s.looks = 0;
    await expect(pollRound(s)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await states()).toEqual([]);
    expect(changes()).toEqual([]);
    expect(s.woken).toEqual([]);
    expect((await progress())!.last_uid).toBe(0);
  });

  test('between commit and move: what is stored stays to be moved by the next holder', async () => {
    put(1);
    const s = await session();
    s.looks = 1;
    await expect(pollRound(s)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await states()).toEqual([[1, 'received', null, false]]);
    expect(changes()).toEqual([]);
    folder.asked = [];
    await pollRound(await session());
    expect(folder.asked).toEqual(['open INBOX', `move to ${mailbox.moveTo} 1`, 'search all']);
    expect(await states()).toEqual([[1, 'received', null, true]]);
  });

  test('before a large mail, or one that is left: nothing is asked for or written', async () => {
    put(1, big(LIMIT));
    const s = await session();
    s.looks = 0;
    await expect(pollRound(s)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(folder.asked.filter((what) => what.startsWith('part'))).toEqual([]);
    folder.mails.clear();
    put(2, mail('huge'), LIMIT + 1);
    const other = await session();
    other.looks = 0;
    await expect(pollRound(other)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await states()).toEqual([]);
  });

  test.each([
    ['small', 600],
    ['large', LIMIT],
  ])('to another poller while a %s mail is fetched: the database itself refuses it', async (_, size) => {
    put(1, big(size));
    folder.onFetch = async () => {
      await t.db.query("update ruawatch.mailboxes set lease_owner = 'another'");
    };
    const s = await session();
    await expect(pollRound(s)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await states()).toEqual([]);
    expect(changes()).toEqual([]);
    const { rows } = await t.db.query('select count(*) as n from ruawatch.raw');
    expect(rows[0].n).toBe(0);
  });
});

describe('what is to be done with stored mails', () => {
  test.each([
    ['keep', {}, [], 'open INBOX read-only'],
    ['delete', {}, ['delete 1:2'], 'open INBOX'],
    ['flag', { flag: '$Taken' }, ['flag $Taken 1:2'], 'open INBOX'],
  ] as const)('%s', async (after, extra, wanted, opened) => {
    begin({ after, ...extra });
    put(1);
    put(2);
    await pollRound(await session());
    expect(folder.asked[0]).toBe(opened);
    expect(changes()).toEqual(wanted);
    expect((await states()).map((row) => row[3])).toEqual([true, true]);
    folder.asked = [];
    // Where mails stay, it goes by the last UID; else everything in the folder is to be taken.
    await pollRound(await session());
    expect(folder.asked[1]).toBe(after === 'delete' ? 'search all' : 'search 3:*');
    expect(folder.asked).toHaveLength(2);
  });

  test('the folder is made when the first move fails, and the move is tried again', async () => {
    put(1);
    let tries = 0;
    folder.allows = () => ++tries > 1;
    await pollRound(await session());
    expect(changes()).toEqual([`move to ${mailbox.moveTo} 1`, `create ${mailbox.moveTo}`, `move to ${mailbox.moveTo} 1`]);
    expect(await states()).toEqual([[1, 'received', null, true]]);
  });

  test('a refusal is told, further mails are stored all the same, and it is retried in the next round', async () => {
    for (let uid = 1; uid <= 501; uid++) put(uid);
    folder.allows = () => false;
    const s = await session();
    const trouble = await pollRound(s);
    expect(trouble).toMatch(/stored mails cannot be moved to the folder ".+" \(the server says: NO\)/);
    expect(folder.asked.filter((what) => what.startsWith('fetch'))).toHaveLength(6);
    expect(changes()).toHaveLength(3);
    expect(s.woken).toHaveLength(501);
    expect((await states()).filter((row) => row[3])).toEqual([]);
    folder.asked = [];
    expect(await pollRound(await session())).toBe(trouble);
    expect(folder.asked.some((what) => what.startsWith('fetch'))).toBe(false);
    // What was refused is tried once in a round, not once for each five hundred.
    expect(changes()).toHaveLength(3);
    folder.allows = () => true;
    folder.asked = [];
    expect(await pollRound(await session())).toBe(null);
    expect(changes()).toEqual(['1:500', '501'].map((set) => `move to ${mailbox.moveTo} ${set}`));
    expect((await states()).filter((row) => !row[3])).toEqual([]);
  });

  test('a connection that breaks meanwhile is no refusal', async () => {
    put(1);
    folder.allows = () => {
      folder.usable = false;
      return false;
    };
    await expect(pollRound(await session())).rejects.toThrow('NO');
    expect(await states()).toEqual([[1, 'received', null, false]]);
  });
});

describe('a round', () => {
  test('lists by five hundred and fetches by a hundred or eight mebibytes', async () => {
    const body = randomBytes((MIB * 3) / 4).toString('base64');
    for (let uid = 1; uid <= 10; uid++) put(uid, mail(`mib ${uid}`, body));
    for (let uid = 11; uid <= 501; uid++) put(uid);
    await pollRound(await session());
    const asked = folder.asked.filter((what) => /^(list|fetch)/.test(what));
    expect(asked[0]).toBe('list 1:500');
    expect(asked.at(-2)).toBe('list 501');
    expect(asked[1]).toBe('fetch 1:7');
    expect(asked.filter((what) => what.startsWith('fetch')).length).toBeGreaterThanOrEqual(7);
    expect(await states()).toHaveLength(501);
    expect(await progress()).toMatchObject({ last_uid: 501, backlog: 0 });
  });

  test.each([
    ['just what a batch may hold', [2 * MIB, 2 * MIB, 2 * MIB, 2 * MIB], ['fetch 1:4']],
    ['a byte more than a batch may hold', [2 * MIB, 2 * MIB, 2 * MIB, 2 * MIB - 1, 2], ['fetch 1:4', 'fetch 5']],
    ['one that is streamed between others', [1, 2 * MIB + 1, 1], ['fetch 1', 'part 2 0', 'fetch 3']],
  ])('fetches together by the announced sizes: %s', async (_, sizes, wanted) => {
    for (const [i, size] of sizes.entries()) put(i + 1, mail(`mail ${i}`), size);
    await pollRound(await session());
    expect(folder.asked.filter((what) => /^(fetch|part \d+ 0)/.test(what))).toEqual(wanted);
  });

  test('says that it moves: at each list, each batch, each part of a large mail, and what was still to be moved', async () => {
    const s = await session();
    await pollRound(s);
    expect(s.turns).toBe(0);
    put(1, big(2 * MIB + 1));
    for (let uid = 2; uid <= 102; uid++) put(uid);
    folder.allows = () => false;
    const other = await session();
    await pollRound(other);
    // One list, a large mail in three parts, and two batches.
    expect(other.turns).toBe(1 + (1 + 3) + 2);
    folder.allows = () => true;
    const last = await session();
    await pollRound(last);
    expect(last.turns).toBe(1);
  });

  test('counts a mail that is left, and one that is gone, as no longer to be taken', async () => {
    put(1, mail('huge'), LIMIT + 1);
    for (let uid = 2; uid <= 102; uid++) put(uid);
    const s = await session();
    folder.onFetch = () => s.stop();
    const list = s.connection.client.fetch.bind(s.connection.client);
    s.connection.client.fetch = ((set: string, query: object, options: object) => {
      if (!('source' in query)) folder.mails.delete(102);
      return list(set, query as never, options as never);
    }) as never;
    await pollRound(s);
    expect(await progress()).toEqual({ last_uid: 102, backlog: 0, polled: false });
  });

  test('ends at the end of a batch when it is to stop', async () => {
    for (let uid = 1; uid <= 201; uid++) put(uid);
    const s = await session();
    folder.onFetch = () => s.stop();
    expect(await pollRound(s)).toBe(null);
    expect(await states()).toHaveLength(100);
    expect((await states()).every((row) => row[3])).toBe(true);
    expect(await progress()).toEqual({ last_uid: 100, backlog: 101, polled: false });
    expect(s.state.lastUid).toBe(100);
    // What was not taken is still there, and is taken by the next.
    folder.onFetch = () => undefined;
    await pollRound(await session());
    expect(await states()).toHaveLength(201);
  });

  test('says in the database how many it still has to take, before the first and behind each batch', async () => {
    for (let uid = 1; uid <= 250; uid++) put(uid);
    const seen: unknown[] = [];
    folder.onFetch = async () => {
      seen.push((await progress()).backlog);
    };
    await pollRound(await session());
    expect(seen).toEqual([250, 150, 50]);
  });

  test('does not list further mails when it is to stop', async () => {
    for (let uid = 1; uid <= 501; uid++) put(uid);
    const s = await session();
    folder.onFetch = () => {
      if (folder.asked.at(-1) === 'fetch 401:500') s.stop();
    };
    await pollRound(s);
    expect(folder.asked.filter((what) => what.startsWith('list'))).toEqual(['list 1:500']);
    expect(await progress()).toEqual({ last_uid: 500, backlog: 1, polled: false });
  });

  test('notes a large mail as taken before it goes on', async () => {
    put(1, big(LIMIT));
    put(2);
    const s = await session();
    folder.onFetch = () => s.stop();
    await pollRound(s);
    expect(await progress()).toEqual({ last_uid: 1, backlog: 1, polled: false });
    expect(s.state.lastUid).toBe(1);
  });

  test('finishes a large mail that another round could not move, under the number that it has by now', async () => {
    const raw = big(LIMIT);
    put(1, raw);
    folder.allows = () => false;
    await pollRound(await session());
    expect(await states()).toEqual([[1, 'received', null, false]]);
    folder.allows = () => true;
    folder.uidValidity = 8;
    folder.mails.clear();
    put(5, raw);
    const s = await session();
    await pollRound(s);
    expect([s.wakes, folder.mails.size]).toEqual([0, 0]);
    expect(await states()).toEqual([[5, 'received', null, true]]);
  });

  test('counts a large mail as one of those it still has to take', async () => {
    put(1, big(LIMIT));
    for (let uid = 2; uid <= 151; uid++) put(uid);
    const s = await session();
    folder.onFetch = () => {
      if (folder.asked.at(-1)!.startsWith('fetch')) s.stop();
    };
    await pollRound(s);
    expect(await progress()).toEqual({ last_uid: 101, backlog: 50, polled: false });
  });

  test('begins behind a large mail, and behind one that is left, that were the last of a round', async () => {
    put(1, big(LIMIT));
    const s = await session();
    await pollRound(s);
    expect(s.state.lastUid).toBe(1);
    put(2, big(LIMIT + 1));
    await pollRound(s);
    expect(s.state.lastUid).toBe(2);
  });

  test('needs a folder with lasting UIDs', async () => {
    folder.uidValidity = undefined;
    await expect(pollRound(await session())).rejects.toMatchObject({ code: 'imap_uidvalidity', transient: false });
  });

  test('reads all again in a folder that is a new one, and says so', async () => {
    begin({ after: 'keep' });
    put(5);
    await pollRound(await session());
    expect(context.logged()).not.toContain('the folder is new');
    folder.uidValidity = 8;
    folder.mails.clear();
    put(2);
    folder.asked = [];
    const s = await session();
    expect(s.state).toMatchObject({ uidValidity: 7, lastUid: 5 });
    await pollRound(s);
    expect(context.logged()).toContain('the folder is new or was recreated');
    expect(s.state).toMatchObject({ uidValidity: 8, lastUid: 2, folder: 'INBOX' });
    expect(folder.asked[1]).toBe('search all');
    expect(await progress()).toMatchObject({ last_uid: 2 });
  });

  test('reads all again when the settings name another folder', async () => {
    begin({ after: 'keep' });
    put(5);
    await pollRound(await session());
    mailbox = { ...mailbox, folder: 'Reports' };
    folder.mails.clear();
    put(2);
    folder.asked = [];
    const s = await session();
    expect(s.state).toMatchObject({ folder: 'INBOX', lastUid: 5 });
    await pollRound(s);
    expect(folder.asked).toEqual(['open Reports read-only', 'search all', 'list 2', 'fetch 2']);
    expect(s.state).toMatchObject({ folder: 'Reports', lastUid: 2 });
    expect(await states()).toHaveLength(2);
  });

  test('leaves what the server does not hand over, and what is gone', async () => {
    put(1);
    folder.mails.set(2, { raw: null, announced: 600 });
    put(3, big(LIMIT));
    folder.onFetch = () => {
      folder.mails.delete(3);
    };
    const s = await session();
    await pollRound(s);
    expect(await states()).toEqual([
      [1, 'received', null, true],
      [2, 'quarantined', 'mail_unreadable', true],
    ]);
    expect(s.woken).toHaveLength(1);
    expect((await rowsOf(t, mailbox)).find((row) => row.uid === 2)!.reason).toContain('the answer has no content');
    expect(changes()).toEqual([`move to ${mailbox.moveTo} 1`]);
    expect(await metric('ruawatch_mails_total')).toContainEqual(expect.stringMatching(/outcome="known"\} 0$/));
    expect(context.logged()).toContain('a mail was left in the folder');
  });
});
