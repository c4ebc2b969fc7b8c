import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { openPool, transaction } from '../../../services/shared/runtime/db.ts';
import { claimMessages, loadRaw, loadRaws } from '../../../services/store/messages/messages.ts';
import type { ReportSize } from '../../../services/store/rollups/allowance.ts';
import { SIZE_SQL } from '../../../services/store/rollups/allowance.ts';
import { rollUp } from '../../../services/store/rollups/source-days.ts';
import { migrate, readMigrations } from '../../../services/store/schema/migrate.ts';
import {
  dropPartitions,
  ensurePartitions,
  PARTITIONED,
  readingByKey,
  recordsOf,
} from '../../../services/store/schema/partitions.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ max: 24 });
});
afterEach(() => t.drop());

const rows = async <R = Record<string, unknown>>(sql: string, db = t.db): Promise<R[]> => (await db.query(sql)).rows as R[];
const begin = (month: string) => Date.parse(`${month}-15T00:00:00Z`) / 1000;
/** How many rows lie in which partition. */
const spread = async (table: string, db = t.db): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await rows<{ part: string; n: number }>(
        `select tableoid::regclass::text as part, count(*) as n from ruawatch.${table} group by 1`,
        db,
      )
    ).map(({ part, n }) => [part.replace('ruawatch.', ''), n]),
  );

test('a database without partitions keeps every row, each in its month', async () => {
  const old = await testDatabase({ empty: true });
  const migrations = readMigrations();
  await migrate(old.db, migrations.slice(0, 4));
  // Forty months from 2023-08 on, every fifth report superseded, and dates that nobody can mean.
  await old.db.query(
    `insert into ruawatch.messages (message_key, mailbox, received_at, stored_at, size, fingerprint, state)
     select n, 'box', at, at, 1, int8send(n), 'stored' from generate_series(1, 200) n, lateral (select timestamptz '2023-08-31 23:59:59.999999Z' + n / 5 * interval '1 month' as at) d;
     insert into ruawatch.raw select m.message_key, p, decode(md5((10 * m.message_key + p)::text), 'hex') from ruawatch.messages m, generate_series(0, 2) p;
     insert into ruawatch.raw values (9999, 0, 'of a mail that is not there');
     insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, superseded_by, reporter, report_id, domain, begin_at, end_at, errors,
            records, messages, salvaged, problems, received_at)
     select n, n, 0, int8send(n / 5 * 5), int8send(n), case when n % 5 <> 0 then n / 5 * 5 end, 'reporter.example', n::text, 'example.com', at, at, '[]', 3, 3, false, '[]', at
       from generate_series(1, 200) n, lateral (select case n when 200 then timestamptz '1970-01-01Z' when 195 then timestamptz '9999-12-31Z'
                                                        else timestamptz '2023-08-01Z' + n / 5 * interval '1 month' end as at) d;
     insert into ruawatch.records (report_key, n, begin_at, source_ip, count, auth, dkim_aligned, spf_aligned, forwarded, source, header_from)
     select report_key, r, begin_at, '192.0.2.1', r, '{}', true, false, false, 's' || r, 'h' || report_key from ruawatch.reports, generate_series(1, 3) r;
     insert into ruawatch.source_days
     select 'example.com', 's' || n, (begin_at at time zone 'UTC')::date, 'reporter.example', n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x.example', trust
       from ruawatch.reports, generate_series(1, 3) n where superseded_by is null;
     insert into ruawatch.policy_days select distinct 'example.com', (begin_at at time zone 'UTC')::date, 'a.example', 'p=none', 1, 'ok' from ruawatch.reports`,
  );
  const read = async () => ({
    raw: await rows('select message_key, n, bytes from ruawatch.raw order by 1, 2', old.db),
    records: await rows('select * from ruawatch.records order by report_key, n', old.db),
    source_days: await rows('select * from ruawatch.source_days order by source, day', old.db),
    policy_days: await rows('select * from ruawatch.policy_days order by day', old.db),
    views: await Promise.all(
      ['records', 'superseded_records', 'source_days', 'policy_days'].map((view) =>
        rows(`select * from dmarc.${view} order by 1, 2, 3`, old.db),
      ),
    ),
  });
  const before = await read();
  expect(before.records).toHaveLength(600);
  expect(before.views.every((view) => view.length > 40)).toBe(true);
  // Up to the one that moves them: later ones add columns.
  await migrate(old.db, migrations.slice(0, 5));
  expect(await read()).toEqual(before);
  await migrate(old.db, migrations);

  const records = await spread('records', old.db);
  expect(records).toMatchObject({ records_default: 6, records_2023_09: 15, records_2026_10: 15 });
  expect(await spread('raw', old.db)).toMatchObject({ raw_2023_08: 12, raw_2023_09: 15 });
  expect(await spread('policy_days', old.db)).toMatchObject({ policy_days_default: 2, policy_days_2023_08: 1 });
  // What the parser reads by: the message's moment, to the microsecond.
  expect(
    await rows(
      'select r.message_key from ruawatch.raw r join ruawatch.messages m using (message_key) where r.stored_at <> m.stored_at',
      old.db,
    ),
  ).toEqual([]);
  // The sums go on where they were.
  await old.db.query(
    `insert into ruawatch.source_days select domain, source, day, reporter, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, trust from ruawatch.source_days
     on conflict (domain, source, day, reporter, trust) do update set messages = source_days.messages + 1`,
  );
  expect(await rows('select sum(messages) as n from ruawatch.source_days', old.db)).toEqual([
    { n: before.source_days.reduce((n, row) => n + (row.messages as number) + 1, 0) },
  ]);
  await old.drop();
});

test('twenty processes make the same months while others write into them: each is made once, and no row is lost or doubled', async () => {
  const xml = (i: number) =>
    reportXml({ id: `r${i}`, begin: begin(`2024-0${1 + (i % 6)}`), rows: [{ ip: '192.0.2.1' }, { ip: '203.0.113.1' }] });
  const keys = await receive(
    t,
    Array.from({ length: 60 }, (_, i) => reportMail(xml(i), { unique: `m${i}` })),
  );
  await parseMessages(t.db, keys.slice(0, 20), { trust: trusting('off') });
  expect(await spread('records')).toEqual({ records_default: 40 });
  const months = ['2024-01-31', '2024-02-01', '2024-03-15', '2024-04-15', '2024-05-15', '2024-06-30'];
  const pools = Array.from({ length: 20 }, () => openPool(t.url, { max: 1 }));
  const writing = [keys.slice(20, 40), keys.slice(40)].map(async (some) => {
    for (const key of some) await parseMessages(t.db, [key], { trust: trusting('off') });
  });
  const made = await Promise.all(
    pools.flatMap((pool) =>
      (['records', 'source_days', 'policy_days'] as const).map((table) =>
        ensurePartitions(pool, table, months, { strays: 0, tries: 50 }),
      ),
    ),
  );
  await Promise.all(writing);
  await Promise.all(pools.map((pool) => pool.end()));
  expect(
    made
      .flat()
      .filter((name) => name?.startsWith('records_'))
      .sort(),
  ).toEqual(months.map((m) => `records_${m.slice(0, 7).replace('-', '_')}`));
  expect(made.flat()).toHaveLength(18);
  expect(await spread('records')).toEqual(
    Object.fromEntries(months.map((m) => [`records_${m.slice(0, 7).replace('-', '_')}`, 20])),
  );
  expect(await spread('source_days')).toMatchObject({ source_days_2024_01: 2 });
  expect(
    await rows(
      'select sum(messages) as days, (select sum(count) from dmarc.records) as records, (select sum(messages) from dmarc.sources) as sources from dmarc.source_days',
    ),
  ).toEqual([{ days: 120, records: 120, sources: 120 }]);
});

test('only months that reports can be of are made, so many a call', async () => {
  const odd = ['1970-01', '2011-12', '2012-01', '2012-02', '2013-07', '2099-01', '9999-12'];
  const keys = await receive(
    t,
    odd.map((month, i) => reportMail(reportXml({ id: `o${i}`, begin: begin(month), end: begin(month) }), { unique: `o${i}` })),
  );
  expect((await parseMessages(t.db, keys, { trust: trusting('off') })).messages.map((m) => m.state)).toEqual(
    odd.map(() => 'stored'),
  );
  expect(await ensurePartitions(t.db, 'records', odd.map((month) => `${month}-01`).slice(0, 3), { strays: 2, tries: 1 })).toEqual(
    ['records_2012_01', 'records_2012_02', 'records_2013_07'],
  );
  expect(
    await ensurePartitions(
      t.db,
      'records',
      odd.map((month) => `${month}-01`),
      { strays: 100, tries: 1 },
    ),
  ).toEqual([]);
  expect(await spread('records')).toEqual({ records_default: 4, records_2012_01: 1, records_2012_02: 1, records_2013_07: 1 });
  await expect(ensurePartitions(t.db, 'messages' as never, ['2024-01-01'], { strays: 0, tries: 1 })).rejects.toMatchObject({
    code: 'P0002',
  });
  await expect(dropPartitions(t.db, 'messages' as never, '2024-01-01', 1)).rejects.toMatchObject({ code: 'P0002' });
});

test('raw mail and records are read, and added up, in the months concerned alone', async () => {
  for (const table of PARTITIONED)
    await ensurePartitions(t.db, table, ['2024-01-01', '2024-02-01', '2024-03-01'], { strays: 0, tries: 1 });
  const [a, b] = await receive(
    t,
    ['2024-01', '2024-03'].map((month) => reportMail(reportXml({ id: month, begin: begin(month) }), { unique: month })),
  );
  await t.db.query(
    "update ruawatch.messages set stored_at = '2024-02-10 10:00:00.123456Z'; update ruawatch.raw set stored_at = '2024-02-10 10:00:00.123456Z'",
  );
  /**
   * The partitions that a transaction has had to do with: the planner takes a lock on each that it cannot
   * leave out.
   */
  const touched = (table: string, work: (tx: Parameters<Parameters<typeof transaction>[1]>[0]) => Promise<unknown>) =>
    transaction(t.db, async (tx) => {
      await work(tx);
      const { rows: locks } = await tx.query<{ name: string }>(
        `select distinct c.relname as name from pg_locks l join pg_class c on c.oid = l.relation
          where l.pid = pg_backend_pid() and c.relispartition and c.relkind = 'r' and c.relname like $1 order by 1`,
        [`${table}\\_%`],
      );
      return locks.map((lock) => lock.name);
    });
  expect(
    await touched('raw', async (tx) => {
      const claimed = await claimMessages(tx, [a!, b!]);
      expect((await loadRaws(tx, claimed)).size).toBe(2);
      expect((await loadRaw(tx, claimed[0]!))!.length).toBe(claimed[0]!.size);
    }),
  ).toEqual(['raw_2024_02']);
  await parseMessages(t.db, [a!, b!], { trust: trusting('off') });
  const [first, last] = await rows<{ key: number; begin: number; reporter: string; size: ReportSize }>(
    `select report_key as key, reporter, extract(epoch from begin_at)::float8 as begin, ${SIZE_SQL} as size from ruawatch.reports order by begin_at`,
  );
  for (const [report, month] of [
    [first, '2024_01'],
    [last, '2024_03'],
  ] as const) {
    const change = { ...report!, trust: 'ok' as const };
    expect(
      await touched('records', (tx) =>
        rollUp(tx, [
          { ...change, sign: -1 },
          { ...change, sign: 1 },
        ]),
      ),
    ).toEqual([`records_${month}`]);
  }
  const { rows: plan } = await t.db.query<{ 'QUERY PLAN': string }>(
    "explain select * from dmarc.records where begin_at >= '2024-02-20Z' and begin_at < '2024-03-20Z'",
  );
  expect(
    plan
      .map((row) => row['QUERY PLAN'])
      .join('\n')
      .match(/records_\w+ r/g)!
      .sort(),
  ).toEqual(['records_2024_02 r', 'records_2024_03 r']);
});

test('months wait to be dropped while a transaction uses the table, and nobody waits behind them for long', async () => {
  await ensurePartitions(t.db, 'records', ['2024-01-01'], { strays: 0, tries: 1 });
  const reader = await t.db.connect();
  try {
    await reader.query('begin; select from ruawatch.records');
    expect(await dropPartitions(t.db, 'records', '2024-02-01', 1)).toBeNull();
    await reader.query('commit');
    expect(await dropPartitions(t.db, 'records', '2024-01-31', 1)).toEqual([]);
    expect(await dropPartitions(t.db, 'records', '2024-02-01', 1)).toEqual(['records_2024_01']);
    expect(await dropPartitions(t.db, 'records', '2024-02-01', 1)).toEqual([]);
    // Gone for good: what comes late is not given a month again.
    expect(await ensurePartitions(t.db, 'records', ['2024-01-01', '2024-02-01'], { strays: 0, tries: 1 })).toEqual([
      'records_2024_02',
    ]);
  } finally {
    reader.release();
  }
});

test('whoever reads while rows are moved sees each of them', async () => {
  const keys = await receive(t, [reportMail(reportXml({ begin: begin('2024-01') }))]);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  const mover = await t.db.connect();
  try {
    // The reader has looked which partitions there are, and waits for the one the row is in.
    await mover.query('begin; lock table ruawatch.records_default in access exclusive mode');
    const read = rows<{ n: number }>('select count(*) as n from ruawatch.records');
    await until(async () => (await rows('select from pg_locks where not granted')).length > 0);
    await mover
      .query("savepoint s; select ruawatch.ensure_partitions('records', array['2024-01-01']::date[], 0)")
      .catch(() => mover.query('rollback to s'));
    await mover.query('commit');
    expect(await read).toEqual([{ n: 1 }]);
  } finally {
    mover.release();
  }
});

test('records are read by the keys of their reports alone, also where the planner would look at the begin for each', async () => {
  await ensurePartitions(t.db, 'records', ['2026-09-01'], { strays: 0, tries: 1 });
  await t.db.query(
    `insert into ruawatch.records (report_key, n, begin_at, count, auth, dkim_aligned, spf_aligned, forwarded, source)
     select k, n, timestamptz '2026-09-01', 1, '{}', true, true, false, '192.0.2.0/24'
       from generate_series(1, 1000) k, generate_series(1, 20) n`,
  );
  await t.db.query('analyze ruawatch.records');
  await transaction(t.db, async (tx) => {
    // Whether it does depends on sizes and versions; pages that are dear make it.
    await tx.query('set local random_page_cost = 100; set local enable_seqscan = off');
    const plan = async () => {
      const { rows } = await tx.query<{ 'QUERY PLAN': string }>(
        `explain select r.* from (select 7::bigint as report_key, timestamptz '2026-09-01' as begin_at offset 0) p
          cross join lateral (${recordsOf('p', '$1', '$2')}) r`,
        ['2026-09-01', '2026-09-01'],
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    };
    expect(await plan()).toContain('records_2026_09_begin_at_idx');
    const byKey = await readingByKey(tx, plan);
    expect(byKey).toContain('records_2026_09_pkey');
    expect(byKey).not.toContain('begin_at_idx');
  });
});

test('what is read by key is planned without bitmaps, and what follows, or an error, as before', async () => {
  await transaction(t.db, async (tx) => {
    const settings = async () =>
      (
        await tx.query(
          `select current_setting('enable_bitmapscan') as bitmaps, current_setting('enable_sort') as sort,
                  current_setting('enable_incremental_sort') as incremental`,
        )
      ).rows[0];
    const before = { bitmaps: 'on', sort: 'on', incremental: 'on' };
    expect(await readingByKey(tx, settings)).toEqual({ ...before, bitmaps: 'off' });
    expect(await readingByKey(tx, settings, false)).toEqual({ bitmaps: 'off', sort: 'off', incremental: 'off' });
    expect(await settings()).toEqual(before);
    await tx.query('savepoint failing');
    await expect(readingByKey(tx, () => tx.query('select 1/0'), false)).rejects.toThrow('division');
    await tx.query('rollback to savepoint failing');
    expect(await settings()).toEqual(before);
  });
});
