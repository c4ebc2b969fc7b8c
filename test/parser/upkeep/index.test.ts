import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { startRetention } from '../../../services/parser/upkeep/index.ts';
import { sayUnverified } from '../../../services/parser/upkeep/say-unverified.ts';
import type { Log } from '../../../services/shared/runtime/log.ts';
import { importLines } from '../../collector/setup.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, trusting } from '../../helpers/report.ts';
import { until } from '../../helpers/services.ts';

const failure = readFileSync(path.resolve(import.meta.dirname, '../../fixtures/failure/all-fields.eml'));

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

function noting() {
  const lines: { level: number; msg: string; [field: string]: unknown }[] = [];
  return { lines, log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
}

test('of mail logs, lines, messages and totals are deleted after the days of each; totals only where they have any', async () => {
  const context = testContext(t, { clock: { now: () => new Date('2026-10-31T12:00:00Z') } });
  context.config.collector = { ...context.config.collector, keep_raw_days: 7, keep_messages_days: 30 };
  await importLines(context, ['2026-10-31T10:00:00.000000+00:00 mx1 postfix/unheard[7]: of']);
  await t.db.query(
    `insert into ruawatch.log_unparsed (source_id, program, day, lines)
     select source_id, 'other', day::date, 1 from ruawatch.log_sources, unnest(array['2026-10-23', '2026-10-24']) as d(day)`,
  );
  await t.db.query(
    `insert into ruawatch.sending_days (cluster, environment, workload, domain, selector, day)
     select '', '', '', 'example.com', '', day::date from unnest(array['2026-08-01', '2026-08-02']) as d(day)`,
  );
  const left = async () =>
    (
      await t.db.query<{ day: string }>(
        `select day::text from ruawatch.log_unparsed where program = 'other' union all
         select day::text from ruawatch.sending_days order by day`,
      )
    ).rows.map(({ day }) => day);
  const keep = async (rollups_days: number | null) => {
    context.config.retention.rollups_days = rollups_days;
    const { log, lines } = noting();
    const retention = startRetention({ ...context, log });
    const said = () => lines.filter(({ msg }) => msg.startsWith('lines and messages'));
    await until(async () => said().length > 0);
    await retention.stop();
    return said();
  };
  const said = { level: 30, rows: 1, msg: 'lines and messages of mail logs past their retention time were deleted' };
  expect(await keep(null)).toMatchObject([said]);
  expect(await left()).toEqual(['2026-08-01', '2026-08-02', '2026-10-24']);
  expect(await keep(90)).toMatchObject([said]);
  expect(await left()).toEqual(['2026-08-02', '2026-10-24']);
  await context.queues.close();
});

test('failure reports are deleted once their days have passed, and not before', async () => {
  const keys = await receive(
    t,
    [1, 2, 3].map((n) => Buffer.concat([Buffer.from(`X-Relay: ${n}\n`), failure])),
  );
  await parseMessages(t.db, keys, { trust: trusting('off') });
  const [over, nearly, fresh] = keys as [number, number, number];
  const now = new Date('2026-10-31T12:00:00Z');
  for (const [key, at] of [
    [over, '2026-10-01T11:59:59Z'],
    [nearly, '2026-10-01T12:00:01Z'],
    [fresh, '2026-10-31T11:59:00Z'],
  ])
    await t.db.query('update ruawatch.personal_mails set stored_at = $2 where message_key = $1', [key, at]);
  const context = testContext(t);
  context.config.failureReports.retention_days = 30;
  const { log, lines } = noting();
  const retention = startRetention({ ...context, log, clock: { now: () => now } });
  try {
    const left = async () =>
      (await t.db.query<{ key: number }>('select distinct message_key as key from ruawatch.raw order by 1')).rows.map(
        ({ key }) => key,
      );
    await until(async () => !(await left()).includes(over));
    expect(await left()).toEqual([nearly, fresh].sort((a, b) => a - b));
    // The round is over, and said what it did.
    await until(async () => lines.some(({ msg }) => msg.startsWith('failure reports')));
    expect(lines.filter(({ msg }) => msg.startsWith('failure reports'))).toMatchObject([
      { level: 30, mails: 1, msg: 'failure reports past their retention time were deleted with their mails' },
    ]);
  } finally {
    await retention.stop();
    await context.queues.close();
  }
});

test('reports that cannot be verified are a warning, unless few cannot or nothing is verified', async () => {
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => void lines.push(line) } as unknown as Log;
  const now = new Date('2026-10-31T12:00:00Z');
  const context = testContext(t);
  const say = () => sayUnverified({ config: context.config, db: t.db, clock: { now: () => now }, log });
  // A mail for each report, at the same moment.
  const add = (n: number, trust: string, at: string) =>
    t.db.query(
      `with mail as (
         insert into ruawatch.messages (mailbox, received_at, size, fingerprint, state)
         select 'reports', $3::timestamptz, 1, decode(md5($2 || $3::text || i), 'hex'), 'stored' from generate_series(1, $1) i returning message_key as i)
       insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
              messages, salvaged, problems, received_at, trust)
       select i, 0, decode(md5($2 || $3::text || i), 'hex'), '', 'r', i::text, 'example.com', $3::timestamptz, $3::timestamptz, '[]', 0, 0, false, '[]', $3::timestamptz, $2
         from mail`,
      [n, trust, at],
    );
  await say();
  await add(3, 'ok', '2026-10-24T12:00:00Z');
  await add(7, 'bad', '2026-10-24T11:59:59Z');
  await say();
  expect(lines).toEqual([]);
  await add(1, 'bad', '2026-10-24T12:00:00Z');
  await say();
  expect(lines).toEqual([
    [
      expect.objectContaining({ reports: 4, unverified: 1 }),
      '1 of 4 reports of the last week could not be verified, so they open no finding: set or correct trust.authserv_ids (docs/trust.md), then run "ruawatch verify --all".',
    ],
  ]);
  context.config.trust.check = 'off';
  await say();
  expect(lines).toHaveLength(1);
  await context.queues.close();
});
