import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { keepMonths, type Months, watchMonths } from '../../../services/parser/upkeep/monthly-retention.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { replayMessages } from '../../../services/store/messages/messages.ts';
import { dropPartitions, ensurePartitions } from '../../../services/store/schema/partitions.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, type TestReport, trusting } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';
import { mailFrom, receivePolled, resolverOf, signed } from '../signed.ts';

const REPORTER = 'reporter.example';
/** After the time that mails of these tests are received at. */
const LATER = new Date('2026-10-01T00:00:00Z');
const NOW = new Date('2025-06-15T12:00:00Z');

let t: TestDatabase;
let context: Context;
let lines: Record<string, unknown>[];
beforeEach(async () => {
  t = await testDatabase();
  lines = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  context = { ...testContext(t, { clock: { now: () => NOW } }), log };
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const rows = async (sql: string) => (await t.db.query<Record<string, unknown>>(sql)).rows;
const parse = (keys: number[], check: 'off' | 'verify' = 'off', months?: Months) =>
  parseMessages(t.db, keys, { trust: trusting(check), months });
const at = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1000;
const report = (day: string, report: TestReport = {}, unique = '') =>
  reportMail(reportXml({ id: day, begin: at(day), ...report }), { unique: `${day} ${unique}` });
const keep = (retention: Partial<Context['config']['retention']>) => {
  context.config.retention = { ...context.config.retention, raw_days: null, ...retention };
  return keepMonths(context);
};
const dropped = () => lines.filter((line) => line.dropped !== undefined).map(({ setting, dropped }) => ({ setting, dropped }));
const days = (table: string, column: string) =>
  rows(`select distinct to_char(${column} at time zone 'UTC', 'YYYY-MM-DD') as day from ${table} order by 1`).then((all) =>
    all.map(({ day }) => day),
  );
const outcomes = async (keys: number[]) => (await parse(keys)).messages.flatMap((m) => m.reports.map((r) => r.outcome));
/** What the views add up to. */
const sums = async () =>
  (
    await rows(
      `select (select sum(messages)::int from dmarc.reports) as reports, (select sum(count)::int from dmarc.records) as records,
              (select sum(messages)::int from dmarc.source_days) as days, (select sum(messages)::int from dmarc.sources) as sources,
              (select sum(reports)::int from dmarc.policy_days) as policies`,
    )
  )[0];

test('each setting drops its own months when they are over, and a line in the log says which', async () => {
  const all = ['2024-01-31', '2024-02-01', '2024-05-31', '2024-06-01', '2025-05-20'];
  const keys = await receive(
    t,
    all.map((day) => report(day)),
  );
  const stored = (key: number, day: string) =>
    rows(
      `update ruawatch.messages set stored_at = '${day}Z' where message_key = ${key}; update ruawatch.raw set stored_at = '${day}Z' where message_key = ${key}`,
    );
  for (const [i, day] of all.entries()) await stored(keys[i]!, day);
  await parse(keys);
  await keep({});
  expect(dropped()).toEqual([]);
  expect(await days('ruawatch.records', 'begin_at')).toEqual(all);

  // A year before the clock is the middle of June: that month is not over.
  await keep({ raw_days: 20, records_days: 365, rollups_days: 455 });
  expect(dropped()).toEqual([
    { setting: 'retention.raw_days', dropped: ['raw_2024_01', 'raw_2024_02', 'raw_2024_05', 'raw_2024_06'] },
    { setting: 'retention.records_days', dropped: ['records_2024_01', 'records_2024_02', 'records_2024_05'] },
    { setting: 'retention.rollups_days', dropped: ['source_days_2024_01', 'source_days_2024_02'] },
    { setting: 'retention.rollups_days', dropped: ['domain_days_2024_01', 'domain_days_2024_02'] },
    { setting: 'retention.rollups_days', dropped: ['class_days_2024_01', 'class_days_2024_02'] },
    { setting: 'retention.rollups_days', dropped: ['policy_days_2024_01', 'policy_days_2024_02'] },
    { setting: 'retention.rollups_days', dropped: ['selector_days_2024_01', 'selector_days_2024_02'] },
  ]);
  expect(await days('ruawatch.raw', 'stored_at')).toEqual(all.slice(4));
  expect(await days('dmarc.records', 'begin_at')).toEqual(all.slice(3));
  expect(await days('dmarc.source_days', 'day')).toEqual(all.slice(2));
  expect(await days('dmarc.policy_days', 'day')).toEqual(all.slice(2));
  // Which reports there were, and the sum of each source, stay.
  expect(await days('dmarc.reports', 'begin_at')).toEqual(all);
  expect(await sums()).toEqual({ reports: 5, records: 2, days: 3, sources: 5, policies: 3 });
  expect(await rows('select first_seen, last_seen from dmarc.sources')).toEqual([{ first_seen: all[0], last_seen: all[4] }]);
  await keep({ raw_days: 20, records_days: 365, rollups_days: 455 });
  expect(dropped()).toHaveLength(7);
});

test('raw mail that is still to be read or verified stays; what was dropped cannot be replayed', async () => {
  const keys = await receivePolled(t, [report('2024-01-15'), report('2024-02-15'), report('2024-03-15')]);
  const broken = await receive(t, [Buffer.from('From: a@example.com\r\n\r\nhello')]);
  for (const [i, key] of [...broken, ...keys].entries()) {
    const day = `2024-0${i + 1}-10Z`;
    await rows(
      `update ruawatch.messages set stored_at = '${day}' where message_key = ${key}; update ruawatch.raw set stored_at = '${day}' where message_key = ${key}`,
    );
  }
  await parse([...broken, keys[0]!]);
  await parse([keys[2]!], 'verify');
  const left = async () => (await rows('select distinct message_key from ruawatch.raw order by 1')).map((row) => row.message_key);
  await keep({ raw_days: 1 });
  expect(await left()).toEqual(keys.slice(1).sort((a, b) => a - b));
  await parse([keys[1]!]);
  await keep({ raw_days: 1 });
  expect(await left()).toEqual([keys[2]]);
  await verifyMessages(context, resolverOf(REPORTER), keys);
  await keep({ raw_days: 1 });
  expect(await left()).toEqual([]);
  expect(await replayMessages(t.db, { keys: broken })).toEqual([]);
});

test('a report whose records are gone stays what it was: again it is a duplicate, and another of its identity is kept beside it', async () => {
  const [first] = await receive(t, [report('2024-01-15', { rows: [{ count: 5 }] })]);
  await parse([first!]);
  const before = await sums();
  await keep({ records_days: 365 });
  expect(await sums()).toEqual({ ...before, records: null });
  const [again, rival, third] = await receive(
    t,
    [
      report('2024-01-15', { rows: [{ count: 5 }] }, 'again'),
      report('2024-01-15', { rows: [{ count: 7 }] }, 'rival'),
      report('2024-01-15', { rows: [{ count: 9 }] }, 'third'),
    ],
    LATER,
  );
  expect(await outcomes([again!])).toEqual(['duplicate']);
  expect(await outcomes([rival!])).toEqual(['superseded']);
  expect(await sums()).toEqual({ ...before, records: null });
  // The rival's records lie there until the next round, the first ones do not: still nothing moves.
  expect(await outcomes([third!])).toEqual(['superseded']);
  expect(await rows('select sum(count)::int as n from dmarc.superseded_records')).toEqual([{ n: 16 }]);
  await keep({ records_days: 365 });
  expect(dropped().at(-1)).toEqual({ setting: 'retention.records_days', dropped: ['2 rows of records_default'] });
  expect(await sums()).toEqual({ ...before, records: null });
  expect(
    await rows('select messages, duplicates, superseded_by is null as stands from ruawatch.reports order by messages'),
  ).toEqual([
    { messages: 5, duplicates: 1, stands: true },
    { messages: 7, duplicates: 0, stands: false },
    { messages: 9, duplicates: 0, stands: false },
  ]);
});

test('a verdict that comes after the records are gone is written down and moves no sum', async () => {
  const of = (count: number) => mailFrom(REPORTER, { id: 'r', begin: at('2024-01-15'), rows: [{ count }] });
  const keys = await receivePolled(t, [await signed(of(5), REPORTER), of(7)]);
  await parse(keys, 'verify');
  const before = await sums();
  // What is not proven has no part in the sums over all time.
  expect(before).toMatchObject({ reports: 7, days: 7, sources: null, policies: 1 });
  await keep({ records_days: 365 });
  await verifyMessages(context, resolverOf(REPORTER), keys);
  // The proven one would stand now; what the other put into the sums cannot be taken out any more.
  expect(
    await rows('select messages, reporter_trust, superseded_by is null as stands from ruawatch.reports order by messages'),
  ).toEqual([
    { messages: 5, reporter_trust: 'authenticated', stands: false },
    { messages: 7, reporter_trust: 'unauthenticated', stands: true },
  ]);
  expect(await sums()).toEqual({ ...before, records: null });
  expect(await rows('select distinct trust, messages from ruawatch.source_days')).toEqual([{ trust: 'pending', messages: 7 }]);
});

test('what comes for the first time and is older than all that is kept is stored as a report, and not counted by day', async () => {
  await parse(
    await receive(
      t,
      ['2024-01-15', '2024-05-15'].map((day) => report(day)),
    ),
  );
  await keep({ records_days: 365, rollups_days: 455 });
  expect(await sums()).toEqual({ reports: 2, records: null, days: 1, sources: 2, policies: 1 });
  const late = await receive(t, [
    report('2024-01-20', { rows: [{ count: 10 }] }),
    report('2024-05-20', { rows: [{ count: 100 }] }),
  ]);
  expect(await outcomes(late)).toEqual(['stored', 'stored']);
  expect(await sums()).toEqual({ reports: 112, records: 110, days: 101, sources: 112, policies: 2 });
  await keep({ records_days: 365, rollups_days: 455 });
  expect(await sums()).toEqual({ reports: 112, records: null, days: 101, sources: 112, policies: 2 });
});

test('a report is replaced exactly while its records are there, whether its daily totals are or not', async () => {
  await parse(
    await receive(
      t,
      ['2024-01-15', '2024-05-15'].map((day) => report(day, { rows: [{ count: 5 }] })),
    ),
  );
  await keep({ rollups_days: 455 });
  expect(await sums()).toEqual({ reports: 10, records: 10, days: 5, sources: 10, policies: 1 });
  const others = ['2024-01-15', '2024-05-15'].map((day) => report(day, { rows: [{ count: 7 }] }, 'other'));
  expect(await outcomes(await receive(t, others, LATER))).toEqual(['superseding', 'superseding']);
  expect(await sums()).toEqual({ reports: 14, records: 14, days: 7, sources: 14, policies: 1 });
});

test('a month is made before many records of it are written, which are never moved; one of a few by the next round', async () => {
  const months = watchMonths(context);
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ ip: `198.51.100.${i % 250}` }));
  const keys = await receive(t, [
    report('2024-01-15', { rows: many(600) }),
    report('2024-01-16', { rows: many(600) }),
    report('2024-03-15'),
  ]);
  // More than a batch holds: it is copied while it is read.
  keys.push(...(await receive(t, [report('2024-05-15', { rows: many(6000) })], LATER)));
  const where = () =>
    rows(
      "select replace(tableoid::regclass::text, 'ruawatch.', '') as part, count(*) as n from ruawatch.records group by 1 order by 1",
    );
  await parse([keys[0]!], 'off', months);
  expect(await where()).toEqual([{ part: 'records_default', n: 600 }]);
  await parse(keys.slice(1, 3), 'off', months);
  await parse(keys.slice(3), 'off', months);
  expect(await where()).toEqual([
    { part: 'records_2024_01', n: 1200 },
    { part: 'records_2024_05', n: 6000 },
    { part: 'records_default', n: 1 },
  ]);
  // Six thousand records that had lain there would have left megabytes behind.
  expect(await rows("select pg_relation_size('ruawatch.records_default') < 500000 as small")).toEqual([{ small: true }]);
  await keep({});
  expect((await where()).map((row) => row.part)).toEqual(['records_2024_01', 'records_2024_03', 'records_2024_05']);
});

/** Partitions of the tables of report days, and the lines of the log that are no news of them. */
const partitions = async (table: string) =>
  (
    await rows(`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = 'ruawatch.${table}'::regclass and c.relname <> '${table}_default' order by 1`)
  ).map(({ name }) => name);
const warnings = () => lines.filter(({ level }) => level === 40);
const some = (day: string, records: number) => [{ begin: at(day), records }];

test('a month is worth a partition from a thousand records on, whoever wrote them, before the tables are touched', async () => {
  const months = watchMonths(context);
  const before = await partitions('records');
  await months.before([...some('2024-01-15', 900), ...some('2024-02-15', 500)], false);
  await months.before(some('2024-01-31', 99), false);
  // Enough, but the transaction holds what the partition would wait for.
  await months.before(some('2024-01-01', 1), true);
  expect(await partitions('records')).toEqual(before);
  await months.before(some('2024-01-01', 0), false);
  for (const table of ['records', 'source_days', 'domain_days'])
    expect((await partitions(table)).filter((name) => /2024/.test(String(name)))).toEqual([`${table}_2024_01`]);
  const said = lines.length;
  expect(said).toBeGreaterThan(0);
  // It is asked for once: were anything asked, it would fail.
  const closed = watchMonths({ ...context, db: { query: () => Promise.reject(new Error('It is closed.')) } as never });
  await closed.before(some('2024-01-15', 999), false);
  expect([lines.length, warnings()]).toEqual([said, []]);
  await closed.before(some('2024-01-15', 1), false);
  expect(warnings()).toMatchObject([
    { err: 'It is closed.', months: ['2024-01-01'], msg: 'partitions could not be created; the hourly round tries again' },
  ]);
  await closed.before(some('2024-01-15', 5_000), false);
  expect(warnings()).toHaveLength(1);
});

test('a month that cannot be made while others use the table is tried again when as much has been written again', async () => {
  const months = watchMonths(context);
  const other = await t.db.connect();
  try {
    await other.query('begin');
    await other.query('lock table ruawatch.records in access exclusive mode');
    await months.before(some('2024-01-15', 1_500), false);
  } finally {
    await other.query('rollback');
    other.release();
  }
  expect(lines).toEqual([]);
  await months.before(some('2024-01-15', 999), false);
  expect((await partitions('records')).includes('records_2024_01')).toBe(false);
  await months.before(some('2024-01-15', 1), false);
  expect((await partitions('records')).includes('records_2024_01')).toBe(true);
  expect(warnings()).toEqual([]);
});

test('a round makes the last month, this one and the next two, and says which table others use', async () => {
  const made = ['2025_05', '2025_06', '2025_07', '2025_08'];
  await keepMonths(context, AbortSignal.abort());
  expect(lines).toEqual([]);
  const other = await t.db.connect();
  const [first] = await receive(t, [report('2024-01-31')]);
  await rows(`update ruawatch.raw set stored_at = '2024-01-31Z' where message_key = ${first}`);
  await keep({});
  expect((await partitions('raw')).filter((name) => /_2025_0[5-8]$/.test(String(name)))).toEqual(
    made.map((month) => `raw_${month}`),
  );
  lines = [];
  context.config.retention = { ...context.config.retention, raw_days: 30 };
  try {
    await other.query('begin');
    await other.query('lock table ruawatch.raw in row exclusive mode');
    await keepMonths(context, undefined, 1);
  } finally {
    await other.query('rollback');
    other.release();
  }
  expect(lines).toMatchObject([
    {
      ...{ level: 40, table: 'raw', sessions: expect.anything() },
      msg: 'months past their retention time could not be dropped because the table is in use; the next try is in an hour',
    },
  ]);
});

test('months are dropped under the hands of writers, and every sum stays that of the reports that stand', async () => {
  const months = ['2024-01', '2024-02', '2024-03', '2024-04', '2024-05', '2024-06'];
  for (const table of ['records', 'source_days', 'policy_days'] as const) {
    await ensurePartitions(
      t.db,
      table,
      months.map((month) => `${month}-01`),
      { strays: 0, tries: 20 },
    );
  }
  // Each identity comes with two contents, the larger in the later mail.
  const mails = [5, 7].flatMap((count) =>
    Array.from({ length: 36 }, (_, i) =>
      report(`${months[i % 6]}-15`, { id: `r${i}`, rows: [{ count, ip: `192.0.${i % 3}.1` }] }, `${i} ${count}`),
    ),
  );
  const keys = await receive(t, mails);
  let writing = true;
  const write = async (some: number[]) => {
    for (const key of some) await parse([key]);
  };
  const drop = async () => {
    const gone: string[] = [];
    for (const before of ['2024-02-01', '2024-03-01', '2024-04-01']) {
      for (const table of ['records', 'source_days', 'policy_days'] as const) {
        gone.push(...((await dropPartitions(t.db, table, before, 50)) ?? []));
      }
      // Some is written between one drop and the next.
      const written = (await sums())!.sources;
      await until(async () => !writing || (await sums())!.sources !== written);
    }
    return gone;
  };
  const writers = Promise.all([0, 1, 2].map((n) => write(keys.filter((_, i) => i % 3 === n)))).finally(() => {
    writing = false;
  });
  const [gone] = await Promise.all([drop(), writers]);
  expect(gone).toEqual(
    expect.arrayContaining(['records_2024_01', 'source_days_2024_01', 'records_2024_03', 'source_days_2024_03']),
  );
  for (const table of ['records', 'source_days', 'policy_days'] as const) await dropPartitions(t.db, table, '2024-04-01', 50);

  const standing = `select sum(messages)::int as n, count(*)::int as reports from ruawatch.reports where superseded_by is null`;
  const [all] = await rows(standing);
  const [kept] = await rows(`${standing} and begin_at >= '2024-04-01Z'`);
  expect(all).toMatchObject({ reports: 36 });
  expect(kept).toEqual({ n: 18 * 7, reports: 18 });
  expect(await sums()).toEqual({ reports: all!.n, records: kept!.n, days: kept!.n, sources: all!.n, policies: kept!.reports });
});
