import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { verifyMessages } from '../../../services/parser/verify/index.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadSubdomainNames } from '../../../services/store/rollups/subdomain-days.ts';
import { migrate, readMigrations } from '../../../services/store/schema/migrate.ts';
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

const NOTHING = { auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail' } as const;
const mail = (report: TestReport, unique: string) => reportMail(reportXml(report), { unique });
const names = async (db = t.db) =>
  (
    await db.query(
      'select name, day, messages, passed, failed_unauthenticated as nothing, failed_delivered as delivered from dmarc.subdomain_days order by name, day',
    )
  ).rows;
const below = async (db = t.db) =>
  (
    await db.query(
      'select source, day, failed_unauthenticated as nothing, failed_subdomain as below from ruawatch.source_days where messages > 0 order by 1, 2',
    )
  ).rows;

const FIRST: TestReport = {
  rows: [
    { ip: '192.0.2.1', count: 100 },
    { ip: '192.0.2.1', count: 7, header_from: 'shop.example.com' },
    { ip: '203.0.113.5', count: 20, header_from: 'Invoice.Example.com', disposition: 'none', ...NOTHING },
    { ip: '203.0.113.6', count: 4, header_from: 'invoice.example.com.', disposition: 'reject', ...NOTHING },
    { ip: '203.0.113.6', count: 3, header_from: 'example.com', disposition: 'reject', ...NOTHING },
    { ip: '198.51.100.7', count: 5, header_from: 'notexample.com', ...NOTHING },
    {
      ip: '198.51.100.8',
      count: 2,
      header_from: 'news.example.com',
      auth_dkim: ['service.example', 'pass'],
      auth_spf: null,
      dkim: 'fail',
      spf: 'fail',
    },
  ],
};
const SECOND: TestReport = {
  begin: BEGIN + DAY,
  id: 'r2',
  rows: [{ ip: '203.0.113.5', count: 9, header_from: 'invoice.example.com', disposition: 'quarantine', ...NOTHING }],
};

test('mail below the domain is counted by name, and what nothing authenticates by source; a newer telling replaces an older, in any order', async () => {
  const older = mail({ id: 'r1', rows: [{ count: 3, header_from: 'old.example.com', ...NOTHING }] }, 'older');
  const raws = [older, mail(FIRST, 'newer'), mail(SECOND, 'second')];
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, raws);
    for (const i of order) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('off') });
    expect(await names(fresh.db)).toEqual([
      { name: 'invoice.example.com', day: '2026-09-01', messages: 24, passed: 0, nothing: 24, delivered: 20 },
      { name: 'invoice.example.com', day: '2026-09-02', messages: 9, passed: 0, nothing: 9, delivered: 0 },
      { name: 'news.example.com', day: '2026-09-01', messages: 2, passed: 0, nothing: 0, delivered: 2 },
      { name: 'shop.example.com', day: '2026-09-01', messages: 7, passed: 7, nothing: 0, delivered: 0 },
    ]);
    expect(await below(fresh.db)).toEqual([
      { source: '192.0.2.0/24', day: '2026-09-01', nothing: 0, below: 0 },
      { source: '198.51.100.0/24', day: '2026-09-01', nothing: 5, below: 0 },
      { source: '203.0.113.0/24', day: '2026-09-01', nothing: 27, below: 24 },
      { source: '203.0.113.0/24', day: '2026-09-02', nothing: 9, below: 9 },
      { source: 'service.example', day: '2026-09-01', nothing: 0, below: 0 },
    ]);
    expect((await readTotals(fresh.db, [])).wrong).toEqual([]);
    await fresh.drop();
  }
});

test('the rows of a report that was verified move with it, and what waited leaves none behind', async () => {
  const context = testContext(t);
  const rows = [{ ip: '203.0.113.5', count: 20, header_from: 'a.example.com', ...NOTHING }];
  const keys = await receivePolled(t, [
    await signed(mailFrom('reporter.example', { id: 'a', rows }), 'reporter.example'),
    mailFrom('reporter.example', { id: 'b', rows }),
  ]);
  const stored = async () =>
    (
      await t.db.query(
        'select name, trust, messages, failed_unauthenticated as nothing from ruawatch.subdomain_days order by 1, 2',
      )
    ).rows;
  await parseMessages(t.db, keys, { trust: trusting('verify') });
  expect(await stored()).toEqual([{ name: 'a.example.com', trust: 'pending', messages: 40, nothing: 40 }]);
  await verifyMessages(context, resolverOf('reporter.example'), keys);
  expect(await stored()).toEqual([
    { name: 'a.example.com', trust: 'bad', messages: 20, nothing: 20 },
    { name: 'a.example.com', trust: 'ok', messages: 20, nothing: 20 },
  ]);
  expect((await readTotals(t.db, [])).wrong).toEqual([]);
  await context.queues.close();
});

test('a database from before is filled from its records, and a second time nothing changes', async () => {
  const keys = await receive(t, [mail(FIRST, 'a'), mail({ ...FIRST, rows: FIRST.rows!.slice(1) }, 'b'), mail(SECOND, 'c')]);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  const before = { names: await names(), below: await below() };
  await t.db.query(
    `drop view dmarc.subdomain_days; drop table ruawatch.subdomain_days; alter table ruawatch.source_days drop column failed_subdomain cascade;
     delete from ruawatch.partitioned where name = 'subdomain_days'; delete from ruawatch.migrations where version >= 14`,
  );
  // Later ones are not run twice.
  const migrations = readMigrations().filter(({ version }) => version <= 14);
  await migrate(t.db, migrations);
  expect({ names: await names(), below: await below() }).toEqual(before);
  await t.db.query(migrations.find(({ version }) => version === 14)!.sql);
  expect({ names: await names(), below: await below() }).toEqual(before);
  const { rows } = await t.db.query('select distinct tableoid::regclass::text as part from ruawatch.subdomain_days');
  expect(rows).toEqual([{ part: expect.stringMatching(/subdomain_days_2026_09$/) }]);
});

test('of a thousand made-up names the largest are told, and how many there are', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => ({
    ip: '203.0.113.5',
    count: i < 3 ? 5 - i : 1,
    header_from: `n${i}.example.com`,
    ...NOTHING,
  }));
  const keys = await receive(t, [
    mail({ rows }, 'flood'),
    mail({ id: 'r0', begin: BEGIN - 30 * DAY, rows: [{ count: 1, header_from: 'n1.example.com' }] }, 'a month before'),
  ]);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  const told = await transaction(t.db, (tx) =>
    loadSubdomainNames(tx, 'example.com', { from: '2026-08-26', to: '2026-09-01' }, 3),
  );
  expect(told).toEqual({
    largest: [
      { name: 'n0.example.com', messages: 5, used: false },
      { name: 'n1.example.com', messages: 4, used: true },
      { name: 'n2.example.com', messages: 3, used: false },
    ],
    names: 1000,
  });
});

test('a From address that is no host name is kept as it came and counts under the domain of the report', async () => {
  const odd = ['a b.example.com', 'evil\u202e.example.com', 'x;y.example.com', '..example.com', 'a\u00a0b.example.com'];
  const rows = [...odd, 'bücher.example.com'].map((header_from) => ({ ip: '203.0.113.5', count: 2, header_from, ...NOTHING }));
  await parseMessages(t.db, await receive(t, [mail({ id: 'r1', rows }, 'odd')]), { trust: trusting('off') });
  expect(await names()).toMatchObject([{ name: 'bücher.example.com', messages: 2 }]);
  expect(await below()).toEqual([{ source: '203.0.113.0/24', day: '2026-09-01', nothing: 12, below: 2 }]);
  const { rows: kept } = await t.db.query<{ header_from: string }>(
    "select header_from from dmarc.records where domain = 'example.com'",
  );
  expect(kept.map((row) => row.header_from)).toEqual(expect.arrayContaining(odd));
});
