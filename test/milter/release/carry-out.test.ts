import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { carryOut, type ReleaseMeans } from '../../../services/milter/release/carry-out.ts';
import type { NewHeld } from '../../../services/requests/held/facts.ts';
import { sealBody } from '../../../services/requests/held/seal.ts';
import { PermanentError, TransientError } from '../../../services/shared/errors.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { loadHeld } from '../../../services/store/held/held.ts';
import { holdMessage } from '../../../services/store/held/hold.ts';
import { noteBounce, noteDot } from '../../../services/store/held/steps.ts';
import { decide, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { reply, type Sink, startSink } from '../../alerter/sink.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { heldOf, KEY } from '../../requests/held/sample.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
let context: Context;
let said: { level: number; held: number; answer: string; msg: string }[] = [];
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  context = testContext(t);
  said = [];
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const rules = rulesOf({
  name: 'held',
  when: { kinds: ['messages.release'] },
  stages: [{ group: 'mail', need: 1, within_hours: 1 }],
});

/** Means whose hold queue answers as it is told to. */
const meansOf = (list: ReleaseMeans['queue']['list']): ReleaseMeans => {
  const unused = () => Promise.reject(new Error('nothing else of the queue is used'));
  return {
    db: t.db,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void said.push(JSON.parse(line)) }),
    settings: { ...context.config.milter.hold, smtpUrl: null },
    authservId: null,
    key: KEY,
    outbound: null,
    queue: { list, letGo: unused, remove: unused, read: unused, readHeader: unused },
    at: () => null,
    now: () => new Date(),
  };
};
/** A mail of the hold queue that is to be delivered. */
const approved = async () => {
  const { held_key, request_key } = await holdMessage(t.db, heldOf(), { rules, key: KEY, most: 100, host: 'mx1' });
  const { digest } = await loadRequest(t.db, request_key);
  await decide(t.db, request_key, { person: GROUPS.mail![0]!, decision: 'approve', why: 'looked at it', digest, via: 'test' });
  return held_key;
};
const after = async (held_key: number) => {
  const { state, doubt, tries, answer } = await loadHeld(t.db, held_key);
  return { state, doubt, tries, answer };
};

test.each<[string, ReleaseMeans['queue']['list'], string]>([
  [
    'a program of Postfix that cannot be run now',
    () => Promise.reject(new TransientError('postfix', 'postqueue did not answer.')),
    'postqueue did not answer.',
  ],
  ['a mail that is not in the hold queue yet', async () => [], 'The mail is not in the hold queue yet.'],
])('%s is tried again', async (_, list, answer) => {
  const held_key = await approved();
  for (const tries of [1, 2]) {
    said = [];
    expect(await carryOut(held_key, meansOf(list))).toBe(true);
    expect(await after(held_key)).toEqual({ state: 'releasing', doubt: false, tries, answer });
    expect(said).toEqual([
      {
        level: 40,
        held: held_key,
        answer,
        msg: 'a decision about a held mail cannot be carried out yet; it is tried again',
      },
    ]);
  }
});

test.each<[string, Error]>([
  ['an error that stays', new PermanentError('postfix', 'It will never work.')],
  ['an error of the program', new TypeError('broken')],
])('%s is thrown as it is, and nothing is written down', async (_, error) => {
  const held_key = await approved();
  await expect(
    carryOut(
      held_key,
      meansOf(() => Promise.reject(error)),
    ),
  ).rejects.toBe(error);
  expect(await after(held_key)).toEqual({ state: 'releasing', doubt: false, tries: 0, answer: null });
  expect(said).toEqual([]);
});

describe('what is done with a mail', () => {
  const HEADER = 'From: ada@example.com\r\nSubject: Pay this\r\nMessage-ID: <1@evil.example>\r\n';
  let sink: Sink;
  beforeAll(async () => {
    sink = await startSink();
  });
  afterAll(() => sink.stop());
  /** The files of the hold queue, by their names, and what was done to them. */
  let files: Map<string, string>;
  let done: string[];
  beforeEach(() => {
    sink.mails.length = 0;
    sink.behaviour = {};
    files = new Map();
    done = [];
  });

  const queue: ReleaseMeans['queue'] = {
    list: async () => [...files.keys()].map((id) => ({ id, sender: 'bounce@evil.example', arrived: Date.now() })),
    async letGo(id) {
      files.delete(id);
      done.push(`let go of ${id}`);
    },
    async remove(ids) {
      for (const id of ids) {
        files.delete(id);
        done.push(`removed ${id}`);
      }
    },
    read: async (id) => Buffer.from(`${files.get(id)!}\r\nText\r\n`),
    readHeader: async (id) => files.get(id)!,
  };
  const means = (settings: Partial<ReleaseMeans['settings']> = {}, part: Partial<ReleaseMeans> = {}): ReleaseMeans => {
    const url = `smtp://${sink.at}?tls=none`;
    const all = meansOf(queue.list);
    return {
      ...all,
      queue,
      authservId: 'mx.example.com',
      outbound: { url, from: 'ruawatch@example.com' },
      settings: { ...all.settings, smtpUrl: url, host: 'mx1', ...settings },
      ...part,
    };
  };
  const hold = (part: Partial<NewHeld>) => holdMessage(t.db, heldOf(part), { rules, key: KEY, most: 100, host: 'mx1' });
  const decided = async (part: Partial<NewHeld>, decision: 'approve' | 'deny') => {
    const { held_key, request_key } = await hold(part);
    const { digest } = await loadRequest(t.db, request_key);
    await decide(t.db, request_key, { person: GROUPS.mail![0]!, decision, why: 'looked at it', digest, via: 'test' });
    return held_key;
  };
  const STORED = { kept_in: 'store', queue_id: null } as const;
  /** All of a row that this may change. */
  const row = async (held_key: number) => {
    const { state, doubt, tries, answer, copy_id, dot_at, bounce_at, settled_at, cleared_at } = await loadHeld(t.db, held_key);
    const is = { dot: dot_at, bounce: bounce_at, settled: settled_at, cleared: cleared_at };
    const set = Object.entries(is).flatMap(([name, at]) => (at === null ? [] : [name]));
    return { state, doubt, tries, answer, copy_id, set };
  };
  const OVER = { doubt: false, tries: 0, copy_id: null, set: ['settled', 'cleared'] };
  const LATER = { state: 'releasing', doubt: false, tries: 1, copy_id: null, set: [] };
  const DOUBT = { state: 'releasing', doubt: true, tries: 0, copy_id: null };
  const [ADA] = GROUPS.mail as [string];
  const TAKEN = /^It is delivered, by ada@example\.com: 250 /;

  test('nothing before anybody has decided', async () => {
    const { held_key } = await hold(STORED);
    expect(await carryOut(held_key, means())).toBe(false);
    expect(await row(held_key)).toEqual({ state: 'held', doubt: false, tries: 0, answer: null, copy_id: null, set: [] });
  });

  test('one of the store is sent, with what was verified, and then nothing more is done', async () => {
    const held_key = await decided(STORED, 'approve');
    expect(await carryOut(held_key, means())).toBe(true);
    expect(await row(held_key)).toEqual({
      ...OVER,
      state: 'released',
      answer: expect.stringMatching(TAKEN),
      set: ['dot', ...OVER.set],
    });
    expect(sink.mails.map(({ from, to }) => [from, to])).toEqual([['bounce@evil.example', ['ben@example.com']]]);
    expect(sink.mails[0]!.raw).toMatch(
      /^X-Ruawatch-Released: by ada@example\.com;\r\n request \d+; held \d+;\r\n at [-\dT:.Z]+;\r\n token [0-9a-f]{32}\r\nAuthentication-Results: mx\.example\.com;/,
    );
    expect(await carryOut(held_key, means())).toBe(false);
    expect([sink.mails.length, said, done]).toEqual([1, [], []]);
  });

  test('one of the queue is sent as it waits there, and its copies go', async () => {
    files.set('4Xabc', HEADER);
    const held_key = await decided({}, 'approve');
    expect(await carryOut(held_key, means())).toBe(true);
    expect(await row(held_key)).toMatchObject({ state: 'released', answer: expect.stringMatching(TAKEN) });
    expect(sink.mails[0]!.raw).toMatch(
      /token [0-9a-f]{32}\r\nFrom: ada@example\.com\r\nSubject: Pay this\r\nMessage-ID: .*\r\n\r\nText\r\n$/,
    );
    expect(done).toEqual(['removed 4Xabc']);
  });

  test('an answer names whom the server refused', async () => {
    sink.behaviour.recipient = (address) => (address.startsWith('ben') ? null : reply(550, 'nobody'));
    const held_key = await decided({ ...STORED, recipients: ['x@example.com', 'ben@example.com', 'y@example.com'] }, 'approve');
    await carryOut(held_key, means());
    expect((await row(held_key)).answer).toMatch(
      /^It is delivered, by ada@example\.com: 250 .* Refused for x@example\.com, y@example\.com\.$/,
    );
  });

  test.each<[string, number, object, string]>([
    ['for good leaves it to a person', 550, { ...DOUBT, set: [] }, 'The server refuses the mail: 550 no'],
    ['for now has it tried again', 451, LATER, '451 no'],
  ])('a server that refuses it %s', async (_, code, is, answer) => {
    sink.behaviour.accept = () => reply(code, 'no');
    const held_key = await decided(STORED, 'approve');
    expect(await carryOut(held_key, means())).toBe(true);
    expect(await row(held_key)).toEqual({ ...is, answer });
    expect(said.map(({ level, held, answer: why }) => [level, held, why])).toEqual([[code === 550 ? 50 : 40, held_key, answer]]);
    sink.behaviour = {};
    expect(await carryOut(held_key, means())).toBe(code === 451);
    expect(sink.mails).toHaveLength(code === 451 ? 1 : 0);
  });

  const UNKNOWN =
    'The connection ended before the server answered: the mail may have arrived. Look for its Message-ID in the log of the server, and say so here.';
  test.each<[string, boolean, object]>([
    ['is left to a person', false, { ...DOUBT, answer: UNKNOWN, set: ['dot'] }],
    ['is tried again where the port holds what it takes', true, { ...LATER, answer: expect.any(String) }],
  ])('a connection that ended before the answer %s', async (_, smtp_holds, is) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      let mail: string | null = null;
      socket.write('220 x\r\n');
      socket.on('data', (piece) => {
        if (mail !== null) {
          mail += piece.toString();
          if (mail.endsWith('\r\n.\r\n')) socket.destroy();
          return;
        }
        if (piece.toString().startsWith('DATA')) mail = '';
        socket.write(mail === null ? '250 ok\r\n' : '354 go\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const smtpUrl = `smtp://127.0.0.1:${(server.address() as { port: number }).port}?tls=none`;
    const held_key = await decided(STORED, 'approve');
    expect(await carryOut(held_key, means({ smtpUrl, smtp_holds }))).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await row(held_key)).toEqual(is);
    if (!smtp_holds)
      expect(said).toEqual([
        {
          level: 50,
          held: held_key,
          answer: UNKNOWN,
          msg: 'nobody can know whether a held mail was delivered: look for it, and record what you find',
        },
      ]);
  });

  test.each([false, true])(
    'a process that was killed before the answer is as such a connection (the port holds: %s)',
    async (smtp_holds) => {
      const held_key = await decided(STORED, 'approve');
      sink.behaviour.accept = () => reply(451, 'later');
      await carryOut(held_key, means({ smtp_holds }));
      sink.behaviour = {};
      await noteDot(t.db, held_key);
      await carryOut(held_key, means({ smtp_holds }));
      expect(await row(held_key)).toMatchObject(smtp_holds ? { doubt: false } : { doubt: true, answer: UNKNOWN, set: ['dot'] });
      expect(sink.mails).toHaveLength(smtp_holds ? 1 : 0);
    },
  );

  test('what a port holds is let go under the name that it was given', async () => {
    const held_key = await decided(STORED, 'approve');
    expect(await carryOut(held_key, means({ smtp_holds: true }))).toBe(true);
    expect(await row(held_key)).toEqual({
      ...LATER,
      answer: expect.stringMatching(/^The port that holds mail gave it no name: 250 /),
      set: ['dot'],
    });
    sink.behaviour.accept = async ({ raw }) => {
      files.set('4Xnew', raw.slice(0, raw.indexOf('\r\n\r\n')));
      return Object.assign(new Error('Ok: queued as 4Xnew'), { responseCode: 250 });
    };
    expect(await carryOut(held_key, means({ smtp_holds: true }))).toBe(true);
    expect(await row(held_key)).toEqual({
      state: 'released',
      doubt: false,
      tries: 1,
      answer: 'It is delivered, by ada@example.com: Postfix has let go of 4Xnew.',
      copy_id: '4Xnew',
      set: ['dot', 'settled', 'cleared'],
    });
    expect(done).toEqual(['let go of 4Xnew']);
  });

  const withoutPort = { smtpUrl: null };
  test('without a port the copy in the queue is let go, and others of it go', async () => {
    const held_key = await decided({}, 'approve');
    await hold({ queue_id: '4Xagain' });
    files.set('4Xother', HEADER).set('4Xabc', HEADER).set('4Xagain', HEADER);
    expect(await carryOut(held_key, means(withoutPort))).toBe(true);
    expect(await row(held_key)).toEqual({
      ...OVER,
      state: 'released',
      answer: 'It is delivered, by ada@example.com: Postfix has let go of 4Xabc.',
      copy_id: '4Xabc',
    });
    expect(done).toEqual(['let go of 4Xabc', 'removed 4Xagain']);
  });

  describe('a copy that was chosen', () => {
    const chosen = async () => {
      const held_key = await decided({}, 'approve');
      await carryOut(held_key, means());
      await t.db.query("update ruawatch.held_messages set copy_id = '4Xabc' where held_key = $1", [held_key]);
      said = [];
      return held_key;
    };
    test.each<[string, string | null, object, object, string[]]>([
      ['is let go where it waits', HEADER, withoutPort, { state: 'released' }, ['let go of 4Xabc']],
      ['was let go where it does not', null, withoutPort, { state: 'released' }, []],
      [
        'is left to a person where the file is another mail',
        HEADER.replace('Pay', 'Other'),
        withoutPort,
        {
          state: 'releasing',
          doubt: true,
          answer:
            'The file 4Xabc in the hold queue is not proven to be this mail, and is left alone: look whether it is, let it go by hand, and say so here.',
        },
        [],
      ],
      [
        'was let go where the file is another mail, and a port made the copy',
        HEADER.replace('Pay', 'Other'),
        {},
        { state: 'released' },
        [],
      ],
    ])('%s', async (_, header, settings, is, steps) => {
      const held_key = await chosen();
      if (header !== null) files.set('4Xabc', header);
      expect(await carryOut(held_key, means(settings))).toBe(true);
      expect([await row(held_key), done]).toMatchObject([{ copy_id: '4Xabc', ...is }, steps]);
    });
  });

  test.each([
    [899_999, { state: 'releasing', answer: 'The mail is not in the hold queue yet.', tries: 1 }],
    [
      900_000,
      {
        state: 'lost',
        answer:
          'The mail is not in the hold queue any more: somebody has released or deleted it there, or the server never kept it.',
        tries: 0,
      },
    ],
  ])('one that is not in the queue %i milliseconds after it was held', async (ms, is) => {
    const held_key = await decided({}, 'approve');
    const { held_at } = await loadHeld(t.db, held_key);
    expect(await carryOut(held_key, means({}, { now: () => new Date(held_at.getTime() + ms) }))).toBe(true);
    expect(await row(held_key)).toMatchObject(is);
  });

  test.each<[string, Partial<ReleaseMeans>, (held_key: number) => Promise<unknown>, object]>([
    [
      'without its octets is lost',
      {},
      () => t.db.query('delete from ruawatch.held_bodies'),
      { state: 'lost', answer: 'The octets of the mail are not in the store any more.' },
    ],
    [
      'that is another by now is lost',
      {},
      async (held_key) => {
        const sealed = sealBody(Buffer.from('another'), (await loadHeld(t.db, held_key)).sha256, KEY);
        await t.db.query('update ruawatch.held_bodies set sealed = $1', [sealed]);
      },
      { state: 'lost', answer: 'The stored mail is not the one that was approved.' },
    ],
    [
      'waits for its key',
      { key: null },
      async () => undefined,
      { state: 'releasing', tries: 1, answer: 'milter.hold.key_file is not set: the mail cannot be opened.' },
    ],
    [
      'waits for the right key',
      { key: Buffer.from('x'.repeat(44)) },
      async () => undefined,
      {
        state: 'releasing',
        tries: 1,
        answer: 'The stored mail was sealed with another milter.hold.key_file, or was changed.',
      },
    ],
  ])('one of the store %s', async (_, part, change, is) => {
    const held_key = await decided(STORED, 'approve');
    await change(held_key);
    expect(await carryOut(held_key, means({}, part))).toBe(true);
    expect(await row(held_key)).toMatchObject(is);
    expect(sink.mails).toEqual([]);
  });

  describe('one that is stopped', () => {
    const NOT = 'Its sender is not notified.';
    test.each<[string, Partial<ReleaseMeans['settings']>, Partial<ReleaseMeans>, Partial<NewHeld>, string, number]>([
      ['and deleted', {}, {}, {}, `It was deleted. ${NOT}`, 0],
      ['and rejected', { on_denial: 'reject' }, {}, {}, 'It was rejected. Its sender was notified.', 1],
      ['and rejected without a word', { on_denial: 'reject', bounce: 'never' }, {}, {}, `It was rejected. ${NOT}`, 0],
      [
        'and rejected, whose sender nothing proves',
        { on_denial: 'reject' },
        {},
        { envelope_from: 'x@other.example' },
        'It was rejected. Its sender is not notified: nothing proves who that is.',
        0,
      ],
      [
        'and rejected, where no mail can be sent',
        { on_denial: 'reject' },
        { outbound: null },
        {},
        'It was rejected. Its sender cannot be notified: SMTP_URL is not set.',
        0,
      ],
    ])('%s says so', async (_, settings, part, given, answer, mails) => {
      files.set('4Xabc', HEADER).set('4Xother', HEADER);
      const held_key = await decided(given, 'deny');
      expect(await carryOut(held_key, means(settings, part))).toBe(true);
      const state = settings.on_denial === 'reject' ? 'rejected' : 'deleted';
      expect(await row(held_key)).toEqual({ ...OVER, state, answer, set: mails === 0 ? OVER.set : ['bounce', ...OVER.set] });
      expect(done).toEqual(['removed 4Xabc']);
      expect(sink.mails.map(({ from, to, headers }) => [from, to, headers.get('from')])).toEqual(
        mails === 0 ? [] : [['', ['bounce@evil.example'], 'Mail Delivery System <ruawatch@example.com>']],
      );
      if (mails > 0) {
        expect(sink.mails[0]!.raw).toContain('The people who decide about mail there have not accepted it.');
        expect(sink.mails[0]!.raw).toContain('Reporting-MTA: dns; mx1\r\n');
      }
    });

    test.each([
      ['reject', 'Nobody decided in time: it was not delivered. Its sender was notified.', 1],
      ['delete', `Nobody decided in time: it was not delivered. ${NOT}`, 0],
    ] as const)('since nobody decided (%s)', async (on_expiry, answer, mails) => {
      const { held_key, request_key } = await hold(STORED);
      await withdraw(t.db, request_key, { person: ADA, why: 'no' });
      expect(await carryOut(held_key, means({ on_expiry, on_denial: 'reject' }))).toBe(true);
      expect(await row(held_key)).toMatchObject({ state: 'expired', answer });
      expect([sink.mails.length, done]).toEqual([mails, []]);
    });

    test.each([
      [
        550,
        {
          state: 'rejected',
          answer: 'It was rejected. Its sender cannot be notified: 550 no',
          set: ['bounce', 'settled', 'cleared'],
        },
      ],
      [451, { state: 'held', answer: '451 no', tries: 1, set: [] }],
    ])('whose sender’s server says %i', async (code, is) => {
      sink.behaviour.accept = () => reply(code, 'no');
      const held_key = await decided(STORED, 'deny');
      expect(await carryOut(held_key, means({ on_denial: 'reject' }))).toBe(true);
      expect(await row(held_key)).toMatchObject(is);
    });

    test('notifies its sender once, whoever was killed', async () => {
      const held_key = await decided(STORED, 'deny');
      await noteBounce(t.db, held_key);
      await carryOut(held_key, means({ on_denial: 'reject' }));
      expect(await row(held_key)).toMatchObject({ state: 'rejected', answer: 'It was rejected. Its sender was notified.' });
      expect(sink.mails).toEqual([]);
    });
  });
});
