import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startParser } from '../../../services/parser/index.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { verifyAgain, verifyMessages } from '../../../services/parser/verify/index.ts';
import type { Context, Service } from '../../../services/shared/runtime/service.ts';
import { takeDueChecks } from '../../../services/store/reports/trust-checks.ts';
import { migrate, readMigrations } from '../../../services/store/schema/migrate.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, trusting } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';
import { mailFrom, receivePolled, resolverOf, signed, type TestResolver } from '../signed.ts';

const REPORTER = 'reporter.example';
const KEY = `s1._domainkey.${REPORTER}`;

let t: TestDatabase;
let context: Context;
let resolver: TestResolver;
let service: Service | undefined;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  resolver = resolverOf(REPORTER, 'evil.example');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await service?.stop();
  service = undefined;
  await context.queues.close();
  await t.drop();
});

const parse = (keys: number[]) => parseMessages(t.db, keys, { trust: context.config.trust });
const verify = (keys: number[]) => verifyMessages(context, resolver, keys);
const genuine = (rows: { ip: string; count: number }[], id = 'r1') => signed(mailFrom(REPORTER, { id, rows }), REPORTER);
const forged = (rows: { ip: string; count: number }[], id = 'r1') => mailFrom(REPORTER, { id, rows });
const reports = async () =>
  (
    await t.db.query<{ messages: number; reporter_trust: string; trust: string; trust_reason: string; stands: boolean }>(
      'select messages, reporter_trust, trust, trust_reason, superseded_by is null as stands from ruawatch.reports order by messages',
    )
  ).rows;
const days = async () =>
  (await t.db.query('select source, reporter, trust, messages from ruawatch.source_days where messages <> 0 order by 1, 2, 3'))
    .rows;
/** How often each verdict was counted. */
const verdicts = async () =>
  Object.fromEntries((await context.metrics.trust.get()).values.map(({ labels, value }) => [labels.verdict, value]));
const policies = async () => (await t.db.query('select policy, trust, reports from ruawatch.policy_days order by 1, 2')).rows;
/**
 * Daily sums are of everything: what they say must be what stands. Those over all time are of what counts.
 */
const sumsAgree = async () => {
  const { rows } = await t.db.query(
    `select (select sum(messages) from dmarc.reports)::int as reports, (select sum(messages) from dmarc.source_days)::int as days,
            (select sum(messages) from dmarc.sources)::int as sources, (select sum(reports) from dmarc.policy_days)::int as policies,
            (select count(*) from dmarc.reports)::int as standing,
            (select sum(messages) from dmarc.reports where trust = 'ok')::int as proven`,
  );
  const { reports: all, days: ofDays, sources, policies: told, standing, proven } = rows[0];
  expect({ ofDays, sources, told }).toEqual({ ofDays: all, sources: proven, told: standing });
};

test('a report waits until its mail is verified, then moves to where its verdict puts it', async () => {
  const keys = await receivePolled(t, [
    await genuine([{ ip: '192.0.2.1', count: 1 }], 'a'),
    forged([{ ip: '192.0.2.1', count: 20 }], 'b'),
    await signed(mailFrom('evil.example', { id: 'c', rows: [{ ip: '192.0.2.1', count: 300 }] }), 'evil.example'),
  ]);
  await parse(keys);
  expect(await days()).toEqual([{ source: '192.0.2.0/24', reporter: REPORTER, trust: 'pending', messages: 321 }]);
  await t.db.query('delete from ruawatch.analysis_work');

  expect(await verify(keys)).toEqual({ domains: ['example.com'], deferred: [] });
  expect(await verdicts()).toEqual({ authenticated: 1, unauthenticated: 1, mismatched: 1 });
  expect(await reports()).toEqual([
    {
      messages: 1,
      reporter_trust: 'authenticated',
      trust: 'ok',
      trust_reason: expect.stringMatching(/signature of reporter\.example verifies/),
      stands: true,
    },
    {
      messages: 20,
      reporter_trust: 'unauthenticated',
      trust: 'bad',
      trust_reason: 'Not proven: the mail has no DKIM signature.',
      stands: true,
    },
    {
      messages: 300,
      reporter_trust: 'mismatched',
      trust: 'bad',
      trust_reason: expect.stringMatching(/as evil\.example\), but the report is in the name of reporter/),
      stands: true,
    },
  ]);
  expect(await days()).toEqual([
    { source: '192.0.2.0/24', reporter: REPORTER, trust: 'bad', messages: 320 },
    { source: '192.0.2.0/24', reporter: REPORTER, trust: 'ok', messages: 1 },
  ]);
  expect((await policies()).map((p) => [p.trust, p.reports])).toEqual([
    ['bad', 2],
    ['ok', 1],
  ]);
  await sumsAgree();
  const { rows: view } = await t.db.query('select messages, untrusted, reporters from dmarc.source_days');
  expect(view).toEqual([{ messages: 321, untrusted: 320, reporters: 1 }]);
  const { rows: untrusted } = await t.db.query(
    'select reporter_trust, trust_domain from dmarc.untrusted_reports order by messages',
  );
  expect(untrusted).toEqual([
    { reporter_trust: 'unauthenticated', trust_domain: REPORTER },
    { reporter_trust: 'mismatched', trust_domain: 'evil.example' },
  ]);
  const { rows: work } = await t.db.query('select distinct source from ruawatch.analysis_work order by 1');
  expect(work.map((w) => w.source)).toEqual(['', '192.0.2.0/24']);

  expect(await verify(keys)).toEqual({ domains: [], deferred: [] });
  await sumsAgree();
});

test('four workers with the same messages settle each once', async () => {
  const raws = await Promise.all(
    Array.from({ length: 30 }, (_, i) => (i % 3 ? genuine : forged)([{ ip: '192.0.2.1', count: i + 1 }], `r${i}`)),
  );
  const keys = await receivePolled(t, raws);
  await parse(keys);
  await Promise.all([verify(keys), verify(keys), verify([...keys].reverse()), verify(keys)]);
  const all = await reports();
  expect(all.map((r) => r.trust)).toEqual(Array.from({ length: 30 }, (_, i) => (i % 3 ? 'ok' : 'bad')));
  expect((await days()).map((d) => [d.trust, d.messages])).toEqual([
    ['bad', 145],
    ['ok', 320],
  ]);
  await sumsAgree();
});

test.each([
  ['comes later', ['genuine', 'forged']],
  ['comes first', ['forged', 'genuine']],
])('a forged report of the same identity that %s never takes the place of the proven one', async (_, order) => {
  const mails = { genuine: await genuine([{ ip: '192.0.2.1', count: 5 }]), forged: forged([{ ip: '203.0.113.9', count: 7000 }]) };
  const keys = await receivePolled(
    t,
    order.map((which) => mails[which as 'genuine']),
  );
  for (const key of keys) {
    await parse([key]);
    await verify([key]);
    await sumsAgree();
  }
  const [first, second] = await reports();
  expect(first).toMatchObject({ messages: 5, trust: 'ok', stands: true });
  expect(second).toMatchObject({ messages: 7000, trust: 'bad', stands: false });
  expect(await days()).toEqual([{ source: '192.0.2.0/24', reporter: REPORTER, trust: 'ok', messages: 5 }]);
  const { rows } = await t.db.query('select source_ip from dmarc.records');
  expect(rows).toEqual([{ source_ip: '192.0.2.1' }]);
});

test('whatever the order of reading and verifying, the same report stands: proven, then newest', async () => {
  const mails = [
    forged([{ ip: '192.0.2.1', count: 1 }]),
    await genuine([{ ip: '192.0.2.1', count: 20 }]),
    forged([{ ip: '192.0.2.1', count: 300 }]),
    await genuine([{ ip: '192.0.2.1', count: 4000 }]),
    forged([{ ip: '192.0.2.1', count: 50_000 }]),
  ];
  const orders = [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
    [3, 4, 0, 2, 1],
  ];
  for (const reading of orders) {
    for (const verifying of orders) {
      const fresh = await testDatabase();
      const keys = await receivePolled(fresh, mails);
      for (const i of reading) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('verify') });
      for (const i of verifying) await verifyMessages({ ...context, db: fresh.db }, resolver, [keys[i]!]);
      const { rows } = await fresh.db.query('select messages, trust from dmarc.reports');
      const { rows: rolled } = await fresh.db.query(
        'select trust, messages, dkim_aligned from ruawatch.source_days where messages <> 0',
      );
      await fresh.drop();
      expect(rows).toEqual([{ messages: 4000, trust: 'ok' }]);
      expect(rolled).toEqual([{ trust: 'ok', messages: 4000, dkim_aligned: 4000 }]);
    }
  }
});

test('the same report again, in a mail that proves it, is proven; in one that does not, it stays so', async () => {
  const rows = [{ ip: '192.0.2.1', count: 5 }];
  const [stripped, whole, again] = await receivePolled(t, [forged(rows), await genuine(rows), forged(rows)]);
  await parse([stripped!]);
  await verify([stripped!]);
  expect(await reports()).toMatchObject([{ trust: 'bad' }]);
  await parse([whole!, again!]);
  await verify([again!]);
  await verify([whole!]);
  expect(await reports()).toMatchObject([{ trust: 'ok', reporter_trust: 'authenticated' }]);
  expect(await days()).toMatchObject([{ trust: 'ok', messages: 5 }]);
  const { rows: left } = await t.db.query('select * from ruawatch.trust_checks');
  expect(left).toEqual([]);
});

test('a name service that does not answer leaves the report waiting, and the sweeper comes back to it', async () => {
  resolver.down.add(KEY);
  context.config.sweep = { every_seconds: 0.1, after_seconds: 1 };
  const keys = await receivePolled(t, [await genuine([{ ip: '192.0.2.1', count: 5 }])]);
  service = startParser(context, resolver);
  await until(async () => (await t.db.query('select from ruawatch.trust_checks where attempts = 1')).rows.length === 1);
  expect(await reports()).toMatchObject([
    { trust: 'pending', reporter_trust: null, trust_reason: expect.stringMatching(/^Not verified yet: The name service/) },
  ]);
  const { rows: wait } = await t.db.query<{ seconds: number }>(
    'select extract(epoch from due_at - now())::float8 as seconds from ruawatch.trust_checks',
  );
  expect(wait[0]!.seconds).toBeGreaterThan(25);
  expect(await takeDueChecks(t.db, 60, 10)).toEqual([]);

  resolver.down.clear();
  // A name that was silent is not asked about for some seconds, by this clock.
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
  await t.db.query('update ruawatch.trust_checks set due_at = now()');
  await until(async () => (await reports())[0]!.trust === 'ok');
  expect(await days()).toMatchObject([{ trust: 'ok', messages: 5 }]);
  expect(keys).toHaveLength(1);
});

test('a name service that never answers is believed in the end: nothing proves the mail', async () => {
  resolver.down.add(KEY);
  const keys = await receivePolled(t, [await genuine([{ ip: '192.0.2.1', count: 5 }])]);
  await parse(keys);
  for (let tries = 1; tries < 24; tries++) expect((await verify(keys)).deferred).toEqual(keys);
  expect((await verify(keys)).deferred).toEqual([]);
  expect(await reports()).toMatchObject([
    { trust: 'bad', reporter_trust: 'unauthenticated', trust_reason: expect.stringMatching(/24 tries/) },
  ]);
});

test('nothing is verified that was imported, or when the setting is off; what waited then counts', async () => {
  const imported = await receive(t, [forged([{ ip: '192.0.2.1', count: 1 }], 'a')]);
  await parse(imported);
  const waited = await receivePolled(t, [forged([{ ip: '192.0.2.1', count: 20 }], 'b')]);
  await parse(waited);
  context.config.trust = { check: 'off', authserv_ids: [] };
  await parse(await receivePolled(t, [forged([{ ip: '192.0.2.1', count: 300 }], 'c')]));
  await verify(waited);
  expect(await reports()).toEqual(
    [1, 20, 300].map((messages) => ({
      messages,
      reporter_trust: null,
      trust: 'ok',
      trust_reason: messages === 1 ? 'Not verified: imported by hand.' : 'Not verified: trust.check is off.',
      stands: true,
    })),
  );
  expect(await days()).toMatchObject([{ trust: 'ok', messages: 321 }]);
  expect(resolver.asked).toEqual([]);
  expect(await verdicts()).toEqual({ unchecked: 1 });
});

test('the migration keeps every row of a filled database, and counts it as it did', async () => {
  const old = await testDatabase({ empty: true });
  const migrations = readMigrations();
  await migrate(old.db, migrations.slice(0, 1));
  await old.db.query(
    `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at)
     select n, 0, int8send(n), int8send(n), 'reporter.example', n::text, 'example.com', now(), now(), '[]', 1, n, false, '[]', now()
       from generate_series(1, 50) n;
     insert into ruawatch.source_days
     select 'example.com', 's' || n, date '2026-09-01' + n, r, n, n, n, 0, 0, 0, 0, 0, 0, 0, n, 0, 0, 0, null
       from generate_series(1, 50) n, unnest(array['a.example', 'b.example']) r;
     insert into ruawatch.policy_days select 'example.com', date '2026-09-01' + n, 'a.example', 'p=none', n from generate_series(1, 50) n`,
  );
  const views = ['reports', 'source_days', 'policy_days'];
  const read = async () =>
    Promise.all(views.map(async (view) => (await old.db.query(`select * from dmarc.${view} order by 1, 2, 3`)).rows));
  const before = await read();
  await migrate(old.db, migrations);
  const after = await read();
  for (const [i, rows] of before.entries()) {
    expect(rows).toHaveLength(50);
    expect(after[i]).toHaveLength(50);
    for (const [k, row] of rows.entries()) expect(after[i]![k]).toMatchObject(row);
  }
  expect(after[0]!.every((row) => row.trust === 'ok')).toBe(true);
  expect(after[1]!.every((row) => row.untrusted === 0)).toBe(true);
  await old.drop();
});

test('a mail whose bytes are gone proves nothing, and holds up no other of its job', async () => {
  const keys = await receivePolled(t, [
    await genuine([{ ip: '192.0.2.1', count: 1 }], 'a'),
    await genuine([{ ip: '192.0.2.1', count: 20 }], 'b'),
    await genuine([{ ip: '192.0.2.1', count: 300 }], 'c'),
  ]);
  await parse(keys);
  await t.db.query('delete from ruawatch.raw where message_key = $1', [keys[0]]);
  await t.db.query("update ruawatch.raw set bytes = 'x', plain_size = 5 where message_key = $1", [keys[1]]);
  expect(await verify(keys)).toEqual({ domains: ['example.com'], deferred: [] });
  expect((await reports()).map(({ reporter_trust, trust_reason }) => [reporter_trust, trust_reason])).toEqual([
    ['unauthenticated', 'Not proven: the raw mail is no longer in the archive.'],
    ['unauthenticated', expect.stringMatching(/^Not proven: The raw bytes of mail \d+ are damaged/)],
    ['authenticated', expect.any(String)],
  ]);
});

test('the analyzer is woken with the domains of what was verified', async () => {
  const keys = await receivePolled(t, [await genuine([{ ip: '192.0.2.1', count: 1 }])]);
  await parse(keys);
  const add = vi.spyOn(context.queues, 'add');
  expect(await verifyAgain(context, keys, resolver)).toBe(0);
  expect(add.mock.calls).toEqual([['analyze', { domains: ['example.com'] }]]);
  // Where nothing was verified, there is nothing to look at.
  expect(await verifyAgain(context, keys, resolver)).toBe(0);
  expect(add).toHaveBeenCalledTimes(1);
});
