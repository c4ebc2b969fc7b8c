import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { keepTotals } from '../../../services/parser/upkeep/fill-daily-totals.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import { DOMAIN_DAYS } from '../../../services/store/rollups/domain-days.ts';
import { fillTotals } from '../../../services/store/rollups/fill.ts';
import { readTotals } from '../../chaos/totals.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestReport, trusting } from '../../helpers/report.ts';
import { mailFrom, receivePolled, resolverOf, signed } from '../../parser/signed.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const FAILS = { auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail' } as const;
const mail = (report: TestReport, unique: string) => reportMail(reportXml(report), { unique });
const totals = async (db = t.db) =>
  (await db.query('select day, reporter, messages, passed, failed, rejected, counts from dmarc.domain_days order by 1, 2')).rows;

const reports = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, n) =>
    mail(
      {
        id: `r${n}`,
        begin: BEGIN + n * DAY,
        rows: [
          { ip: '192.0.2.1', count: 10 + n },
          { ip: '203.0.113.5', count: 4, disposition: 'reject', ...FAILS },
        ],
      },
      `m${n}`,
    ),
  );
/** As if the database were from before the totals. */
const forget = () => t.db.query("delete from ruawatch.domain_days; update ruawatch.domain_days_from set from_day = 'infinity'");

test('totals are those of the sources; a newer version replaces an older one, in any order', async () => {
  const raws = [
    mail({ id: 'r1', rows: [{ ip: '192.0.2.1', count: 99 }] }, 'older'),
    mail(
      {
        id: 'r1',
        rows: [
          { ip: '192.0.2.1', count: 10 },
          { ip: '198.51.100.1', count: 5, disposition: 'reject', ...FAILS },
        ],
      },
      'newer',
    ),
    mail({ id: 'r2', rows: [{ ip: '192.0.2.1', count: 7 }] }, 'second'),
  ];
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, raws);
    for (const i of order) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('off') });
    expect(await totals(fresh.db)).toMatchObject([
      { day: '2026-09-01', messages: 22, passed: 17, failed: 5, rejected: 5, counts: true },
    ]);
    expect((await readTotals(fresh.db, [])).wrong).toEqual([]);
    await fresh.drop();
  }
});

test('only proven reports are in them', async () => {
  const context = testContext(t);
  const rows = [{ ip: '203.0.113.5', count: 20 }];
  const keys = await receivePolled(t, [
    await signed(mailFrom('reporter.example', { id: 'a', rows }), 'reporter.example'),
    mailFrom('reporter.example', { id: 'b', rows }),
  ]);
  await parseMessages(t.db, keys, { trust: trusting('verify') });
  expect(await totals()).toEqual([]);
  await verifyMessages(context, resolverOf('reporter.example'), keys);
  expect(await totals()).toMatchObject([{ messages: 20 }]);
  expect((await readTotals(t.db, [])).wrong).toEqual([]);
  await context.queues.close();
});

test('a reporter that does not decide is shown, and does not count', async () => {
  await parseMessages(t.db, await receive(t, reports(1)), { trust: trusting('off') });
  const { rows } = await t.db.query<{ reporter: string }>('select reporter from ruawatch.domain_days');
  await t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('example.com', $1, 'new', false)`,
    [rows[0]!.reporter],
  );
  expect(await totals()).toMatchObject([{ messages: 14, counts: false }]);
});

test('a database from before is filled in pieces, the newest days first, while reports come', async () => {
  const raws = reports(40);
  const keys = await receive(t, raws);
  await parseMessages(t.db, keys.slice(0, 30), { trust: trusting('off') });
  const context = testContext(t);
  await forget();
  // What comes before its day was added up is read from the sources then.
  await parseMessages(t.db, [keys[30]!], { trust: trusting('off') });
  expect(await totals()).toEqual([]);
  expect(await fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).toBe(true);
  expect((await totals()).map(({ day }) => day)).toEqual([
    '2026-09-26',
    '2026-09-27',
    '2026-09-28',
    '2026-09-29',
    '2026-09-30',
    '2026-10-01',
  ]);
  // One report of each kind of day: those that are done, and those to come.
  await parseMessages(t.db, keys.slice(31), { trust: trusting('off') });
  const late = await receive(t, [
    mail({ id: 'late', begin: BEGIN + 2 * DAY, rows: [{ ip: '192.0.2.1', count: 3 }] }, 'late'),
    mail({ id: 'later', begin: BEGIN + 26 * DAY, rows: [{ ip: '192.0.2.1', count: 3 }] }, 'later'),
  ]);
  await parseMessages(t.db, late, { trust: trusting('off') });
  await keepTotals(context);
  expect(await totals()).toHaveLength(40);
  expect((await readTotals(t.db, [])).wrong).toEqual([]);
  expect(await fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).toBe(false);
  await context.queues.close();
});

test('two that fill and one that writes, at once, count each report once', async () => {
  const keys = await receive(t, reports(60));
  await parseMessages(t.db, keys.slice(0, 20), { trust: trusting('off') });
  const context = testContext(t);
  await forget();
  const write = async () => {
    for (const key of keys.slice(20)) await parseMessages(t.db, [key], { trust: trusting('off') });
  };
  await Promise.all([write(), keepTotals(context), keepTotals(context)]);
  await keepTotals(context);
  expect((await readTotals(t.db, [])).wrong).toEqual([]);
  expect(await totals()).toHaveLength(60);
  await context.queues.close();
});

test('a new database needs no filling', async () => {
  expect(await fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).toBe(false);
});

test('days are added up once writers of the version before must be gone, down to the first that reports can have', async () => {
  const from = async () => (await t.db.query('select from_day::text as day from ruawatch.domain_days_from')).rows[0].day;
  const fill = () => fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25');
  const begin = (day: string, made: string) =>
    t.db.query('update ruawatch.domain_days_from set from_day = $1, made_at = now() - $2::interval', [day, made]);
  await begin('infinity', '14 minutes');
  expect([await fill(), await from()]).toEqual([false, 'infinity']);
  await begin('infinity', '16 minutes');
  expect([await fill(), await from()]).toEqual([true, '2026-09-26']);
  // What was begun goes on.
  await begin('2012-01-02', '1 minute');
  expect([await fill(), await from()]).toEqual([true, '2012-01-01']);
  expect([await fill(), await from()]).toEqual([true, '-infinity']);
  expect([await fill(), await from()]).toEqual([false, '-infinity']);
});

test('filling does not wait for long while somebody writes, and is done when nothing is left, whoever writes', async () => {
  const writer = await t.db.connect();
  try {
    await writer.query('begin; lock table ruawatch.domain_days in row exclusive mode');
    expect(await fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).toBe(false);
    await t.db.query("update ruawatch.domain_days_from set from_day = '2026-09-01'");
    await expect(fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).rejects.toMatchObject({ code: '55P03' });
    await writer.query('commit');
    expect(await fillTotals(t.db, DOMAIN_DAYS, 1, '2026-09-25')).toBe(true);
  } finally {
    writer.release();
  }
});
