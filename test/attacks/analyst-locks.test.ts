import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAlerter } from '../../services/alerter/index.ts';
import { startAnalyzer } from '../../services/analyzer/index.ts';
import { runSendersPut } from '../../services/cli/commands/senders.ts';
import { openContext } from '../../services/cli/open.ts';
import { startParser } from '../../services/parser/index.ts';
import { keepMonths } from '../../services/parser/upkeep/monthly-retention.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { migrate, readMigrations } from '../../services/store/schema/migrate.ts';
import { type Sink, startSink } from '../alerter/sink.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, span } from '../analyzer/rows.ts';
import { testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';

/**
 * Who may read the views may connect, and so may take any advisory lock by its number, watch pg_locks for
 * more of them, and leave a transaction open on the views for ever. Nothing of ours may wait for that.
 */
const ANALYST = `analyst_${randomBytes(4).toString('hex')}`;
const QUEUES = ['parse', 'verify', 'analyze', 'alert', 'enrich'];

let f: Fixture;
let sink: Sink;
let analyst: pg.Client;
let watcher: pg.Client;
const urlAs = (user: string) => {
  const url = new URL(f.t.url);
  url.username = user;
  url.password = 'secret-word';
  return url.href;
};
const settings = () => {
  const config = loadConfig(
    {
      DATABASE_URL: f.t.url,
      HTTP_LISTEN: 'off',
      LOG_LEVEL: 'silent',
      SMTP_URL: `smtp://${sink.at}?tls=none`,
      ALERT_FROM: 'ruawatch@example.org',
      ALERT_TO: 'admin@example.org',
    },
    '/nonexistent',
  );
  config.sweep = { every_seconds: 0.2, after_seconds: 1 };
  config.trust = { check: 'off', authserv_ids: [] };
  return config;
};

/** Every key that this program or BullMQ took on 3ba4c26, or could be thought to take. */
async function takeAll(client: pg.Client, identities: readonly string[]): Promise<void> {
  const single = [
    ...[0x72756177, 0x616c6572, 0x73656e64, 0x72756175].map(String),
    ...[DOMAIN, 'example.com'].map((d) => `hashtextextended('ruawatch analysis ${d}', 0)`),
    ...identities.map((i) => `('x' || left('${i}', 16))::bit(64)::bigint`),
    ...QUEUES.flatMap((q) =>
      ['jidseq', 'concurrency', 'limiter', 'evnotify', 'evtrim'].map((what) => `hashtext('bullmq:${what}:${q}')`),
    ),
  ];
  for (const key of single) await client.query(`select pg_try_advisory_lock(${key})`);
  for (const q of QUEUES) await client.query(`select pg_try_advisory_lock(hashtext('bullmq:finalization'), hashtext('${q}'))`);
  await client.query(`select pg_try_advisory_lock(1112493644, hashtext('ruawatch_queue'))`);
}

beforeAll(async () => {
  f = await fixture();
  sink = await startSink();
  // What the role ruawatch_analyst has. That itself belongs to the whole server, and
  // test/store/schema/roles.test.ts wants to make it.
  await f.t.db.query(
    `create user ${ANALYST} password 'secret-word'; grant usage on schema dmarc to ${ANALYST}; grant select on all tables in schema dmarc to ${ANALYST}`,
  );
  [analyst, watcher] = [1, 2].map(() => new pg.Client({ connectionString: urlAs(ANALYST) })) as [pg.Client, pg.Client];
  await analyst.connect();
  await watcher.connect();
});
afterAll(async () => {
  await analyst.end();
  await watcher.end();
  await f.t.db.query(`drop owned by ${ANALYST}; drop user ${ANALYST}`);
  await f.close();
  await sink.stop();
});

test('reports are read, judged and told while an analyst holds every lock he can name', async () => {
  const xml = reportXml({ id: 'locked' });
  // He knows the identities of reports: they are computed from what the views show.
  const [, seen] = [await receive(f.t, [reportMail(xml)]), [] as string[]];
  await takeAll(analyst, ['0'.repeat(64)]);
  await analyst.query('begin; lock table dmarc.records, dmarc.findings, dmarc.messages in access share mode');
  await expect(watcher.query('select from dmarc.findings for update')).rejects.toThrow(/permission denied/);
  await expect(watcher.query('begin; lock table dmarc.findings in share mode')).rejects.toThrow(/permission denied/);
  await watcher.query('rollback');
  await expect(watcher.query('select from ruawatch.locks for update')).rejects.toThrow(/permission denied/);
  await f.put(span(4, 0, 'unauthenticated', 900, REPORTERS, { source: '198.18.1.0/24' }));

  let watching = true;
  const watched = (async () => {
    while (watching) {
      const { rows } = await watcher.query<{ a: number; b: number; n: number }>(
        `select classid::bigint::bit(32)::int as a, objid::bigint::bit(32)::int as b, objsubid as n from pg_locks l join pg_stat_activity s using (pid)
          where locktype = 'advisory' and s.usename <> current_user and s.datname = current_database()`,
      );
      for (const { a, b, n } of rows) {
        seen.push(`${a} ${b} ${n}`);
        await watcher.query(
          n === 2
            ? 'select pg_try_advisory_lock($1::int, $2::int)'
            : 'select pg_try_advisory_lock(($1::bigint << 32) | ($2::bigint & 4294967295))',
          [a, b],
        );
      }
    }
  })();

  const context = { ...(await openContext(settings(), {})), clock: f.context.clock };
  const services: Service[] = [startParser(context), startAnalyzer(context), startAlerter(context)];
  try {
    expect(await context.queues.add('analyze', { domains: [DOMAIN] })).toBe(true);
    const count = async (sql: string) => (await f.t.db.query<{ n: number }>(`select count(*) as n from ${sql}`)).rows[0]!.n;
    await until(async () => (await count("ruawatch.messages where state = 'stored'")) === 1);
    await until(async () => (await f.findings()).length > 0 && sink.mails.length > 0);
    // A person's word waits for nobody either.
    const said: string[] = [];
    await runSendersPut(
      settings(),
      { verdict: 'approved', domain: DOMAIN, source: '198.18.1.0/24' },
      { by: 'Ada', why: 'ours' },
      { out: (line) => said.push(line) },
    );
    expect(said.join()).toContain('is approved');
  } finally {
    watching = false;
    await watched;
    await Promise.all(services.map((s) => s.stop()));
    await context.close();
  }
  // There was nothing for him to see.
  expect(seen).toEqual([]);
}, 120_000);

test('months wait for his open transaction no longer than a moment, and the log says who he is', async () => {
  const { config, clock } = f.context;
  await analyst.query('rollback');
  await f.t.db.query("select ruawatch.ensure_partitions('records', array['2021-03-01']::date[], 0)");
  const logged: object[] = [];
  const log = { info: (o: object) => logged.push(o), warn: (o: object) => logged.push(o) } as never;
  await analyst.query('begin; lock table dmarc.messages, dmarc.records in access share mode');
  const keeping = keepMonths(
    { config: { ...config, retention: { ...config.retention, records_days: 30 } }, db: f.t.db, clock, log },
    undefined,
    3,
  );
  const meanwhile = receive(f.t, [reportMail(reportXml({ id: 'meanwhile' }))]);
  expect(await Promise.race([meanwhile.then(() => 'received'), keeping.then(() => 'gave up')])).toBe('received');
  await keeping;
  expect(JSON.stringify(logged)).toContain(`${ANALYST} (process `);
  await analyst.query('rollback');
}, 60_000);

test('a migration comes again until he is done, lets all others through meanwhile, and at last names him', async () => {
  const step = {
    version: readMigrations().length + 1,
    name: 'next',
    sql: 'alter table ruawatch.records add column extra integer',
  };
  const own = await testDatabase();
  const url = new URL(own.url);
  const holder = new pg.Client({ connectionString: url.href });
  await holder.connect();
  try {
    await holder.query('begin; lock table dmarc.records in access share mode');
    const short = { tries: 2, waitMs: 300 };
    await expect(migrate(own.db, [...readMigrations(), step], short)).rejects.toMatchObject({
      code: 'schema_in_use',
      transient: true,
      message: expect.stringMatching(/\(process \d+\)/),
    });
    const migrating = migrate(own.db, [...readMigrations(), step], { tries: 20, waitMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    // A reader is let through while the migration waits.
    const read = own.db.query('select from dmarc.records limit 1');
    expect(await Promise.race([read.then(() => 'read'), migrating.then(() => 'migrated')])).toBe('read');
    await holder.query('commit');
    expect(await migrating).toEqual([expect.stringContaining('_next')]);
  } finally {
    await holder.end();
    await own.drop();
  }
}, 60_000);
