import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { MailboxWorker, type PollerOptions } from '../../services/poller/worker.ts';
import type { Mailbox } from '../../services/shared/settings/mailbox.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { contextFor, mail, mailboxAt, rowsOf, type TestContext, until } from './setup.ts';
import { type Answer, startWire, type Wire } from './wire.ts';

let t: TestDatabase;
let wire: Wire;
let mailbox: Mailbox;
let context: TestContext;
let worker: MailboxWorker | null;
let answer: Answer;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(() => {
  worker = null;
  answer = () => undefined;
});
afterEach(async () => {
  await worker?.stop();
  await context.close();
  await wire.stop();
});

const FAST: PollerOptions = { leaseMs: 60_000, retryMs: 20, refusedMs: 20, quietMs: 60 };
/**
 * Polls once in ten minutes, unless a test says otherwise: what happens at once happens for another reason.
 */
async function begin(
  options: PollerOptions = FAST,
  extra: Parameters<typeof mailboxAt>[1] = {},
  capabilities?: string,
  before: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  wire = await startWire((line, w) => answer(line, w), capabilities === undefined ? {} : { capabilities });
  mailbox = mailboxAt(`imap://demo:s3cret@127.0.0.1:${wire.port}/INBOX?tls=none`, { poll_seconds: 600, ...extra });
  context = contextFor(t, [mailbox]);
  await before();
  worker = new MailboxWorker(context, mailbox, options);
}
const sent = (command: string) => wire.lines.filter((line) => line.startsWith(command)).length;
const rounds = () => sent('SELECT');
const logs = (code: string) =>
  context
    .logged()
    .split('\n')
    .filter((line) => line.includes(`"code":"${code}"`))
    .map((line) => JSON.parse(line));
const row = async () =>
  (await t.db.query('select lease_owner as owner, last_error from ruawatch.mailboxes where mailbox = $1', [mailbox.name]))
    .rows[0];
const up = async () => (await context.metrics.registry.metrics()).match(/^ruawatch_imap_connected\{.*\} (\d)$/m)?.[1];
const lastPoll = async () =>
  (await context.metrics.registry.metrics()).match(/^ruawatch_mailbox_last_poll_timestamp_seconds\{.*\} (\S+)$/m)?.[1];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a round, and then', () => {
  test('it idles until the server tells of a mail, and no longer', async () => {
    await begin();
    expect(worker!.waitingFor()).toMatch(/not connected yet/);
    await until('it idles', () => sent('IDLE') > 0);
    expect([rounds(), worker!.waitingFor(), await up()]).toEqual([1, null, '1']);
    expect(Math.abs(Number(await lastPoll()) - Date.now() / 1000)).toBeLessThan(3_600);
    expect((await row()).owner).toMatch(/:\d+:[0-9a-f]{12}$/);
    // A mail that went is no news.
    wire.say('* 0 EXISTS');
    await pause(200);
    expect(rounds()).toBe(1);
    wire.say('* 1 EXISTS');
    await until('a second round', () => rounds() === 2);
    // The connection is asked now and then whether it stands, and idles again.
    await until('it is asked', () => sent('NOOP') > 1 && sent('IDLE') > 2);
    expect(wire.connections).toBe(1);
    await worker!.stop();
    expect(await up()).toBe('0');
    expect(await row()).toEqual({ owner: null, last_error: null });
    expect(wire.lines.at(-1)).toBe('LOGOUT');
  });

  test.each([
    ['that cannot IDLE', {}, 'IMAP4rev1 MOVE'],
    ['that is not to', { idle: false }, undefined],
  ])('a server %s is asked for its news', async (_, extra, capabilities) => {
    await begin(FAST, extra, capabilities);
    await until('it is asked', () => sent('NOOP') >= 2);
    expect([sent('IDLE'), rounds()]).toEqual([0, 1]);
    answer = (line) => (line === 'NOOP' ? ['* 1 EXISTS', 'OK'] : undefined);
    await until('a second round', () => rounds() > 1);
  });

  test('it looks again every poll_seconds, whatever the server tells', async () => {
    await begin({ ...FAST, quietMs: 60_000 }, { poll_seconds: 0.3 });
    const begun = performance.now();
    await until('four rounds', () => rounds() >= 4);
    expect(performance.now() - begun).toBeGreaterThan(700);
    expect(wire.connections).toBe(1);
  });

  test('a mail that came meanwhile is taken at once', async () => {
    let told = false;
    answer = (line) => {
      if (!/^UID SEARCH/.test(line)) return /^SELECT/.test(line) ? SELECTED(1) : undefined;
      const news = told ? [] : ['* 2 EXISTS'];
      told = true;
      return [...news, '* SEARCH', 'OK'];
    };
    await begin({ ...FAST, quietMs: 60_000 }, { idle: false });
    await until('a second round', () => rounds() >= 2);
    await pause(200);
    expect(rounds()).toBe(2);
  });
});

const SELECTED = (exists: number) => [
  '* FLAGS ()',
  `* ${exists} EXISTS`,
  '* OK [UIDVALIDITY 7] .',
  `* OK [UIDNEXT ${exists + 1}] .`,
  'OK [READ-WRITE]',
];
/** A folder of these mails, which the server does not let be moved when `stuck`. */
const holding =
  (mails: Buffer[], stuck: boolean): Answer =>
  (line) => {
    const of = (uid: number) => mails[uid - 1]!;
    const uids = mails.map((_, i) => i + 1);
    if (/^SELECT/.test(line)) return SELECTED(mails.length);
    if (/^UID SEARCH/.test(line)) return [`* SEARCH ${uids.join(' ')}`, 'OK'];
    if (/^UID FETCH/.test(line)) {
      const [from, to] = line.split(' ')[2]!.split(':').map(Number) as [number, number?];
      const some = uids.filter((uid) => uid >= from && uid <= (to ?? from));
      if (/BODY/.test(line))
        return [...some.map((uid) => `* ${uid} FETCH (UID ${uid} BODY[] {${of(uid).length}}\r\n${of(uid)})`), 'OK'];
      return [
        ...some.map(
          (uid) => `* ${uid} FETCH (UID ${uid} RFC822.SIZE ${of(uid).length} INTERNALDATE "05-Jun-2026 10:00:00 +0000")`,
        ),
        'OK',
      ];
    }
    if (/^UID (MOVE|COPY)/.test(line) && stuck) return ['NO [OVERQUOTA] Quota exceeded'];
    return undefined;
  };

describe('what is stored', () => {
  test('wakes the parser with its keys', async () => {
    const jobs: number[][] = [];
    answer = holding(
      [1, 2, 3].map((n) => mail(`m${n}`)),
      false,
    );
    await begin(FAST, {}, undefined, async () => {
      context.queues.add = async (queue: string, data: unknown) => {
        expect(queue).toBe('parse');
        jobs.push((data as { messages: number[] }).messages);
        return true;
      };
    });
    await until('woken', () => jobs.length > 0);
    expect(jobs.flat().sort()).toEqual((await rowsOf(t, mailbox)).map((one) => one.message_key).sort());
  });

  test('and cannot be moved is told once, noted, and tried again each round; all is well when it works', async () => {
    const mails = [mail('stuck')];
    answer = holding(mails, true);
    await begin(FAST, { poll_seconds: 0.1 });
    await until('some rounds', () => sent('UID MOVE') >= 6);
    expect(worker!.waitingFor()).toMatch(/cannot be moved to the folder "ruawatch" \(the server says: Quota exceeded\)/);
    expect(logs('dispose_refused')).toMatchObject([{ level: 50 }]);
    expect((await row()).last_error).toMatch(/Quota exceeded/);
    expect(wire.connections).toBe(1);
    answer = holding(mails, false);
    await until('it is over', () => worker!.waitingFor() === null);
    answer = holding([mail('stuck again')], true);
    await until('it is told again', () => logs('dispose_refused').length === 2);
  });
});

describe('what goes wrong', () => {
  test('a lost connection is told and noted, made anew after a short wait, and forgotten after the next round', async () => {
    await begin({ ...FAST, quietMs: 60_000 }, { idle: false });
    await until('a round', () => worker!.waitingFor() === null);
    answer = () => null;
    wire.say('* BYE going down');
    for (const socket of wire.sockets) socket.end();
    await until(
      'it is noted',
      async () => (await row()).last_error,
      (said) => /was lost \(.*going down.*\); it is retried/.test(said ?? ''),
    );
    expect(worker!.waitingFor()).toMatch(/going down|lost/);
    expect(logs('imap_lost')[0]).toMatchObject({ level: 40, retry_seconds: 1 });
    answer = () => undefined;
    for (const socket of wire.sockets) socket.destroy();
    await until('it goes on', () => worker!.waitingFor() === null);
    await until('it is forgotten', async () => (await row()).last_error === null);
    expect(await up()).toBe('1');
  });

  test('what waiting may mend is tried again soon, each time later; what it cannot, by the longer wait', async () => {
    answer = (line) => (/^LOGIN/.test(line) ? ['NO [UNAVAILABLE] later'] : undefined);
    await begin({ ...FAST, retryMs: 100, refusedMs: 600_000 });
    const begun = performance.now();
    await until('four tries', () => sent('LOGIN') >= 4);
    // Half of 100, 200 and 400 ms at the least.
    expect(performance.now() - begun).toBeGreaterThan(340);
    expect(await up()).not.toBe('1');
    // Between two tries another may have the mailbox.
    await until('the lease is let go of', async () => (await row()).owner === null);
    expect(logs('imap_login_later')[0]).toMatchObject({ level: 40, retry_seconds: 1 });
    answer = (line) => (/^LOGIN/.test(line) ? ['NO [AUTHENTICATIONFAILED] no'] : undefined);
    await until('it is told', () => logs('imap_login').length === 1);
    expect(logs('imap_login')[0]).toMatchObject({ level: 50 });
    expect(logs('imap_login')[0].retry_seconds).toBeGreaterThanOrEqual(150);
    expect(logs('imap_login')[0].retry_seconds).toBeLessThanOrEqual(300);
    await pause(300);
    expect(logs('imap_login')).toHaveLength(1);
    expect(worker!.waitingFor()).toMatch(/wrong password or user/);
    // Longer than this test may take: a stop must end the wait.
    await worker!.stop();
  });

  test('trouble of the database is told as that, and of neither the mail server nor the connection', async () => {
    await begin(FAST, { poll_seconds: 0.1 });
    await until('a round', () => worker!.waitingFor() === null);
    await t.db.query('alter table ruawatch.messages rename to messages_away');
    try {
      await until('it is told', () => /waits for Postgres \(.*messages.*\); nothing is moved/.test(worker!.waitingFor() ?? ''));
      expect(logs('database')[0]).toMatchObject({ level: 40 });
    } finally {
      await t.db.query('alter table ruawatch.messages_away rename to messages');
    }
    await until('it goes on', () => worker!.waitingFor() === null);
    // A mistake of ours.
    context.metrics.imapUp.set = () => {
      throw new Error('a mistake');
    };
    for (const socket of wire.sockets) socket.destroy();
    await until('it is told', () => /^Mailbox ".*": a mistake; it is retried\.$/.test(worker!.waitingFor() ?? ''));
    context.metrics.imapUp.set = () => undefined;
  });

  test('a lease that another has: it stands by, says so once, and takes over when it is free', async () => {
    await begin({ ...FAST, leaseMs: 600 }, {}, undefined, () =>
      t.db.query(
        "insert into ruawatch.mailboxes (mailbox, folder, lease_owner, lease_until) values ($1, 'INBOX', 'b', now() + interval '1 hour')",
        [mailbox.name],
      ),
    );
    await until('it stands by', () => worker!.waitingFor() === null);
    await pause(500);
    expect(wire.connections).toBe(0);
    expect(await lastPoll()).toBe('0');
    expect(context.logged().trim().split('\n')).toEqual([expect.stringContaining('this one stands by')]);
    await t.db.query('update ruawatch.mailboxes set lease_until = now() where mailbox = $1', [mailbox.name]);
    await until('it takes over', () => rounds() === 1);
    // Taken away, it lets go: of the connection, and of the row, which is the other's.
    await t.db.query(
      "update ruawatch.mailboxes set lease_owner = 'b', lease_until = now() + interval '1 hour' where mailbox = $1",
      [mailbox.name],
    );
    await until('it lets go', () => wire.sockets.size === 0);
    await until('it says so', () => logs('lease_lost').length > 0);
    expect(await row()).toEqual({ owner: 'b', last_error: null });
    await until('it stands by', () => worker!.waitingFor() === null);
    expect(await up()).toBe('0');
  });

  test('the wait before a try is logged in whole seconds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    answer = (line) => (/^LOGIN/.test(line) ? ['NO [UNAVAILABLE] later'] : undefined);
    await begin({ ...FAST, retryMs: 1001 });
    await until('it is logged', () => logs('imap_login_later').length > 0);
    expect(logs('imap_login_later')[0].retry_seconds).toBe(2);
    vi.restoreAllMocks();
  });

  test('a mailbox that nobody can log in to since the start shows when it was polled last', async () => {
    answer = (line) => (/^LOGIN/.test(line) ? ['NO [AUTHENTICATIONFAILED] no'] : undefined);
    await begin(FAST, {}, undefined, () =>
      t.db.query("insert into ruawatch.mailboxes (mailbox, folder, polled_at) values ($1, 'INBOX', to_timestamp(1780000000))", [
        mailbox.name,
      ]),
    );
    await until('it is refused', () => logs('imap_login').length > 0);
    expect(await lastPoll()).toBe('1780000000');
  });

  test('after a stop there is no further round, no connection and no lease', async () => {
    await begin(FAST, { poll_seconds: 0.1 });
    await until('some rounds', () => rounds() >= 2);
    await worker!.stop();
    const at = rounds();
    await pause(300);
    expect(rounds()).toBe(at);
    expect(wire.sockets.size).toBe(0);
    expect((await row()).owner).toBe(null);
  });

  test('a lease that is lost while the server does not answer: the connection is dropped, and nothing is sent on it', async () => {
    await begin({ ...FAST, leaseMs: 600 }, { poll_seconds: 0.1 });
    await until('a round', () => worker!.waitingFor() === null);
    let asked = false;
    answer = () => {
      asked = true;
      return null;
    };
    await until('it waits for an answer', () => asked);
    await t.db.query(
      "update ruawatch.mailboxes set lease_owner = 'b', lease_until = now() + interval '1 hour' where mailbox = $1",
      [mailbox.name],
    );
    await until('it lets go', () => wire.sockets.size === 0);
    expect(sent('LOGOUT')).toBe(0);
  });

  test('a stop is not held up by a server that does not answer', async () => {
    await begin({ ...FAST, stopMs: 100 }, { poll_seconds: 0.1 });
    await until('a round', () => worker!.waitingFor() === null);
    let asked = false;
    answer = () => {
      asked = true;
      return null;
    };
    await until('it waits for an answer', () => asked);
    await worker!.stop();
    await until('the connection is closed', () => wire.sockets.size === 0);
  });

  test('a lease that cannot be released at a stop is a warning, as it expires by itself', async () => {
    await begin();
    await until('it idles', () => sent('IDLE') > 0);
    await t.db.query('alter table ruawatch.mailboxes rename to mailboxes_away');
    try {
      await worker!.stop();
    } finally {
      await t.db.query('alter table ruawatch.mailboxes_away rename to mailboxes');
    }
    const warnings = context
      .logged()
      .split('\n')
      .filter((line) => line.includes('the lease could not be released'));
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, err: expect.stringContaining('mailboxes') }]);
  });

  test('what the server refuses is its refusal, on a connection that stands', async () => {
    answer = (line) => (/^SELECT/.test(line) ? ['NO [NOPERM] not yours'] : undefined);
    await begin();
    await until('it is noted', async () =>
      /refused a command \(the server says: not yours\)/.test((await row())?.last_error ?? ''),
    );
    expect(logs('imap_refused')[0]).toMatchObject({ level: 40 });
    expect(logs('poller')).toEqual([]);
  });

  test('an error that cannot be recorded is a warning, beside the error itself', async () => {
    await begin();
    await until('it idles', () => sent('IDLE') > 0);
    await t.db.query('alter table ruawatch.mailboxes rename to mailboxes_away');
    try {
      for (const socket of wire.sockets) socket.destroy();
      await until('it is logged', () => context.logged().includes('the error of the mailbox could not be recorded'));
    } finally {
      await t.db.query('alter table ruawatch.mailboxes_away rename to mailboxes');
    }
    expect(logs('imap_lost')).not.toEqual([]);
  });
});

describe('a mailbox counts as stuck', () => {
  const LONG_MS = 5 * 600 * 1000;
  let now: number;
  beforeEach(() => {
    now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    return () => vi.restoreAllMocks();
  });
  const LEASE = { ...FAST, leaseMs: 1e9, quietMs: 1e9 };

  test('after five times poll_seconds without a sign of life, and no longer once a round begins or ends', async () => {
    await begin(LEASE);
    await until('it idles', () => sent('IDLE') > 0);
    now += LONG_MS;
    expect(worker!.stuck()).toBe(null);
    now += 1;
    expect(worker!.stuck()).toBe(`mailbox "${mailbox.name}" has not moved for 3000 seconds`);
    // The next round begins, and the server does not answer it.
    let silent = true;
    answer = (line) => (/^SELECT/.test(line) && silent ? null : undefined);
    wire.say('* 1 EXISTS');
    await until('a second round', () => rounds() === 2);
    expect(worker!.stuck()).toBe(null);
    now += LONG_MS + 1;
    expect(worker!.stuck()).not.toBe(null);
    silent = false;
    for (const line of SELECTED(0)) wire.say(line.startsWith('*') ? line : `${wire.tag} ${line}`);
    await until('the round ends', () => worker!.stuck() === null);
  });

  test('unless it stands by, which it does anew each third of the lease', async () => {
    // A third of it passes well before `until` gives up; three times as much would not.
    await begin({ ...FAST, leaseMs: 11_000 }, {}, undefined, () =>
      t.db.query(
        "insert into ruawatch.mailboxes (mailbox, folder, lease_owner, lease_until) values ($1, 'INBOX', 'b', now() + interval '1 hour')",
        [mailbox.name],
      ),
    );
    await until('it stands by', () => worker!.waitingFor() === null);
    now += LONG_MS + 1;
    expect(worker!.stuck()).not.toBe(null);
    await until('it looks again', () => worker!.stuck() === null);
  });
});
