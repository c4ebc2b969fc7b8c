import { afterEach, beforeEach, expect, test } from 'vitest';
import { REDACT } from '../../services/parser/other-reports.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { type Readers, readInThisThread } from '../../services/parser/reading/pool.ts';
import { parseSmallMessages } from '../../services/parser/small-messages.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

/** Readers that note what they were given to read at once, and whether they were asked to the end. */
function noting() {
  const read: { sizes: number[]; ended: boolean }[] = [];
  const own = readInThisThread({});
  const readers: Readers = {
    ...own,
    async *small(raws, more, trust) {
      const one = { sizes: raws.map(({ length }) => length), ended: false };
      read.push(one);
      yield* own.small(raws, more, trust);
      one.ended = true;
    },
  };
  return { read, readers };
}

const recordsIn = async () => (await t.db.query<{ n: number }>('select count(*)::int as n from ruawatch.records')).rows[0]!.n;
const rows = (n: number) => Array.from({ length: n }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}`, count: 1 }));

test('a reader is asked to the end, so that its thread is free for others', async () => {
  const { read, readers } = noting();
  const keys = await receive(t, [
    reportMail(reportXml({ id: 'a' }), { unique: 'a' }),
    Buffer.from('Subject: lunch\r\n\r\nShall we?'),
  ]);
  await parseMessages(t.db, keys, { trust: trusting('off'), readers });
  expect(read.map(({ ended }) => ended)).toEqual([true]);
});

test('mails are read in batches of 8 MiB at most', async () => {
  const { read, readers } = noting();
  const size = 500_000;
  const junk = (n: number) => Buffer.from(`Subject: junk ${n}\r\n\r\n${'x'.repeat(size)}`);
  const keys = await receive(
    t,
    Array.from({ length: 20 }, (_, n) => junk(n)),
  );
  await parseMessages(t.db, keys, { trust: trusting('off'), readers });
  expect(read.map(({ sizes }) => sizes.length)).toEqual([16, 4]);
});

test('records are copied as soon as they are many, and each of them once', async () => {
  const readers = readInThisThread({});
  const keys = await receive(
    t,
    ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => reportMail(reportXml({ id, rows: rows(2_000) }), { unique: id })),
  );
  const asked: [number, boolean][] = [];
  const months = {
    before: async (reports: Iterable<unknown>, copied: boolean) => {
      asked.push([[...reports].length, copied]);
    },
  };
  const settings = { trust: trusting('off'), privacy: REDACT, readers, raws: new Map(), months, aside: undefined };
  const { result, tooLarge } = await parseSmallMessages(t.db, keys, settings);
  expect(tooLarge).toEqual([]);
  expect(result.messages.map(({ state }) => state)).toEqual(keys.map(() => 'stored'));
  // After three mails with 6,000 records, after three more, and for none that are left.
  expect(asked).toEqual([
    [3, false],
    [3, true],
    [0, true],
  ]);
  expect(await recordsIn()).toBe(12_000);
});

test('a mail over which reading was stopped is set aside with the reason, and those around it are stored', async () => {
  const own = readInThisThread({});
  const problem = { code: 'time_budget', message: 'It took too long.' };
  const readers: Readers = {
    ...own,
    async *small(raws, more, trust) {
      for (const [at, raw] of raws.entries()) {
        if (at === 1) yield { type: 'stopped', at, problem };
        else yield* own.small([raw], more, trust);
      }
    },
  };
  const keys = await receive(
    t,
    ['a', 'b', 'c'].map((id) => reportMail(reportXml({ id }), { unique: id })),
  );
  await parseMessages(t.db, keys, { trust: trusting('off'), readers });
  const { rows } = await t.db.query('select state, code, reason from ruawatch.messages order by message_key');
  expect(rows).toEqual([
    { state: 'stored', code: null, reason: null },
    { state: 'quarantined', code: 'time_budget', reason: 'It took too long.' },
    { state: 'stored', code: null, reason: null },
  ]);
});

test('bytes that are in memory already are not loaded, and a mail without bytes is set aside', async () => {
  const keys = await receive(
    t,
    ['a', 'b'].map((id) => reportMail(reportXml({ id }), { unique: id })),
  );
  await t.db.query('delete from ruawatch.raw');
  const raws = new Map([[keys[0]!, reportMail(reportXml({ id: 'a' }), { unique: 'a' })]]);
  const { messages } = await parseMessages(t.db, keys, { trust: trusting('off'), raws });
  expect(messages.map(({ state, code }) => [state, code])).toEqual([
    ['stored', null],
    ['quarantined', 'raw_missing'],
  ]);
});
