import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isUnstorable, Writer } from '../../../services/collector/intake/writer.ts';
import type { Raw } from '../../../services/collector/lines/raw.ts';
import { LOG_PROGRAMS } from '../../../services/shared/settings/collector.ts';
import { type LogSource, putFileSource } from '../../../services/store/sending/sources.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { SOURCE } from '../setup.ts';

const NOW = new Date('2026-11-27T16:00:00Z');
let t: TestDatabase;
let one: LogSource;
let two: LogSource;
beforeAll(async () => {
  t = await testDatabase();
  one = await putFileSource(t.db, { ...SOURCE, name: 'one' });
  two = await putFileSource(t.db, { ...SOURCE, name: 'two' });
});
afterAll(() => t.drop());

let counted: unknown[];
let warned: unknown[];
/** Codes with which Postgres refuses what has these words, one for each transaction. */
let refused: Record<string, string>;
let transactions: number;
beforeEach(async () => {
  counted = [];
  warned = [];
  refused = {};
  transactions = 0;
  for (const table of ['log_lines', 'log_open', 'log_dns_changes', 'log_unparsed'])
    await t.db.query(`truncate ruawatch.${table} cascade`);
});

/** The database, which refuses what a test says. */
const db = () =>
  Object.assign(Object.create(t.db), {
    connect: async () => {
      const client = await t.db.connect();
      transactions++;
      return new Proxy(client, {
        get(target, name) {
          const value = Reflect.get(target, name, target);
          if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
          return (...given: unknown[]) => {
            const said = JSON.stringify(given);
            const code = Object.entries(refused).find(([words]) => said.includes(words))?.[1];
            if (code !== undefined) return Promise.reject(Object.assign(new Error(`refused ${code}`), { code }));
            return (target.query as (...all: unknown[]) => unknown)(...given);
          };
        },
      });
    },
  });
const writer = () =>
  new Writer({
    db: db(),
    log: { warn: (...given: unknown[]) => void warned.push(given) } as never,
    hash: (name) => (name.startsWith('h:') ? name : 'h:0123456789abcdef'),
    programs: new Set(LOG_PROGRAMS),
    now: () => NOW,
    count: (source, counts) => void counted.push([source, counts]),
  });
const line = (id: string, text = 'removed', tag = 'postfix/qmgr'): Raw => ({
  text: `Nov 27 14:20:01 mx1 ${tag}[7]: ${id}: ${text}`,
});
const stored = async () =>
  (await t.db.query<{ queue_id: string }>('select queue_id from ruawatch.log_lines order by queue_id')).rows.map(
    ({ queue_id }) => queue_id,
  );

test('a delivery is counted by what became of its lines, when they are stored', async () => {
  const unread = (n: number): Raw => ({ text: `what is this ${n}`, tag: 'postfix/qmgr' });
  const raws = [
    line('4AAAA'),
    { text: 'connect from x[192.0.2.1]', tag: 'postfix/smtpd' },
    { text: 'x' },
    ...[1, 2, 3, 4].map(unread),
  ];
  const counts = { stored: 1, known: 1, foreign: 1, unparsed: 4 };
  const w = writer();
  expect(await w.take(one, raws)).toEqual(counts);
  expect(await w.take(one, [])).toEqual({});
  expect([counted, transactions, w.failure]).toEqual([
    [
      ['one', counts],
      ['one', {}],
    ],
    1,
    null,
  ]);
  const { rows } = await t.db.query('select source_id, program, day::text, lines, samples from ruawatch.log_unparsed');
  expect(rows).toEqual([
    {
      source_id: one.source_id,
      program: 'postfix',
      day: '2026-11-27',
      lines: 4,
      samples: [1, 2, 3].map((n) => `what is this ${n}`),
    },
  ]);
});

test('a line from before what was dropped is old', async () => {
  const dropped_before = new Date('2026-11-27T14:20:01Z');
  const counts = await writer().take({ ...one, dropped_before }, [
    line('4AAAA'),
    { text: line('4BBBB').text.replace(':01', ':00') },
  ]);
  expect([counts, await stored()]).toEqual([{ stored: 1, old: 1 }, ['4AAAA']]);
});

test('what comes while a transaction runs is stored with the next one', async () => {
  const w = writer();
  const all = await Promise.all([w.take(one, [line('4AAAA')]), w.take(two, [line('4BBBB')]), w.take(one, [line('4CCCC')])]);
  expect([all, transactions, await stored()]).toEqual([Array(3).fill({ stored: 1 }), 2, ['4AAAA', '4BBBB', '4CCCC']]);
  await w.idle();
});

test('no more than five thousand lines are stored at once', async () => {
  const w = writer();
  const many = (n: number, of: number) =>
    w.take(
      one,
      Array.from({ length: n }, (_, i) => line(`4${String.fromCharCode(65 + of)}${i.toString(16).toUpperCase()}AAAA`)),
    );
  await Promise.all([many(1, 0), many(3_000, 1), many(2_000, 2), many(1, 3), many(5_001, 4)]);
  expect(transactions).toBe(4);
});

test('what cannot be stored for what it is keeps no other from it', async () => {
  const w = writer();
  refused = { '4BBBB': '22021' };
  const all = await Promise.allSettled([
    w.take(one, [line('4AAAA')]),
    w.take(one, [line('4BBBB')]),
    w.take(two, [line('4CCCC')]),
  ]);
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect([await stored(), w.failure]).toEqual([['4AAAA', '4CCCC'], null]);
  expect([counted, warned]).toEqual([
    [
      ['one', { stored: 1 }],
      ['two', { stored: 1 }],
    ],
    [[{ err: 'refused 22021' }, 'lines could not be stored; their sender must send them again']],
  ]);
});

test('a reason that passes is told to all, and logged once until something is stored', async () => {
  const w = writer();
  refused = { '4BBBB': '57P01' };
  for (const _ of [1, 2]) {
    const all = await Promise.allSettled([
      w.take(one, [line('4AAAA')]),
      w.take(one, [line('4BBBB')]),
      w.take(two, [line('4CCCC')]),
    ]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(w.failure).toBe('refused 57P01');
  }
  expect([warned.length, await stored()]).toEqual([2, ['4AAAA', '4AAAA']]);
  await expect(w.take(one, [line('4BBBB')])).rejects.toThrow('refused 57P01');
  expect(warned).toHaveLength(2);
  refused = {};
  await w.take(one, [line('4DDDD')]);
  expect(w.failure).toBeNull();
});

test('five hundred lines of one queue id are stored, and of a change of a zone its words', async () => {
  const w = writer();
  await w.take(
    one,
    Array.from({ length: 501 }, (_, n) => line('4AAAA', `from=<>, size=${n}`)),
  );
  const { rows } = await t.db.query('select jsonb_array_length(to_jsonb(lines)) as lines from ruawatch.log_lines');
  expect(rows).toEqual([{ lines: 500 }]);
  const text = `[example.com.] DDNS, finished, serial 1 -> 2, ${'x'.repeat(500)}`;
  await w.take(one, [{ text, tag: 'knotd', host: 'ns1', at: NOW.getTime() }]);
  const changes = await t.db.query(
    'select source_id, at, host, program, zone, name, type, action, client, words from ruawatch.log_dns_changes',
  );
  expect(changes.rows).toEqual([
    {
      source_id: one.source_id,
      at: NOW,
      host: 'ns1',
      program: 'knot',
      zone: 'example.com',
      name: null,
      type: null,
      action: 'changed',
      client: null,
      words: text.slice(0, 500),
    },
  ]);
});

test('nothing is taken while thirty-two mebibytes wait', async () => {
  const w = writer();
  const large = () => ({ text: `4AAAA: from=<>, ${'x'.repeat(1024 * 1024 - 16 - 200)}`, tag: 'postfix/qmgr' });
  const most = Array.from({ length: 32 }, large);
  const first = w.take(one, most.slice(1));
  expect(w.full).toBe(false);
  const second = w.take(one, most.slice(0, 1));
  expect(w.full).toBe(true);
  await expect(w.take(one, [line('4BBBB')])).rejects.toMatchObject({ code: 'logs_waiting' });
  await Promise.all([first, second]);
  expect(w.full).toBe(false);
});

test.each([
  ['22021', true],
  ['23505', true],
  ['57P01', false],
  ['220', false],
  ['122021', false],
])('an error of the code %s stays: %s', (code, is) => {
  expect(isUnstorable(Object.assign(new Error('x'), { code }))).toBe(is);
  expect(isUnstorable(new Error('x'))).toBe(false);
});
