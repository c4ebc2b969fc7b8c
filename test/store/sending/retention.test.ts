import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRetention } from '../../../services/parser/upkeep/index.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { forgetLogs } from '../../../services/store/sending/retention.ts';
import { importLines, linesOf } from '../../collector/setup.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { until } from '../../helpers/services.ts';
import { putDay, putMessage, putSource } from './rows.ts';

let t: TestDatabase;
let context: Context;
let now = new Date('2026-11-27T12:00:00Z');
beforeEach(async () => {
  now = new Date('2026-11-27T12:00:00Z');
  t = await testDatabase();
  context = testContext(t, { clock: { now: () => now } });
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const count = async (table: string) =>
  (await t.db.query<{ n: number }>(`select count(*) as n from ruawatch.${table}`)).rows[0]!.n;
const keep = async (done: () => Promise<boolean>) => {
  const retention = startRetention(context);
  await until(done);
  await retention.stop();
};

test('lines go after their days, messages after theirs, and totals stay; what comes again later is not counted anew', async () => {
  const lines = linesOf({ id: 'AAAAA1' });
  await importLines(context, lines);
  await importLines(context, ['2026-11-27T10:00:00.000000+00:00 mx1 postfix/unheard[7]: of']);
  now = new Date('2026-12-04T11:59:00Z');
  await keep(async () => (await count('log_lines')) === 1);
  now = new Date('2026-12-05T12:01:00Z');
  await keep(async () => (await count('log_lines')) + (await count('log_unparsed')) === 0);
  expect(await count('sent_messages')).toBe(1);
  await importLines(context, lines);
  expect((await t.db.query('select sent from dmarc.sending_days')).rows).toEqual([{ sent: 1 }]);
  now = new Date('2027-01-05T12:00:00Z');
  await keep(async () => (await count('sent_messages')) === 0);
  expect(await importLines(context, lines)).toMatchObject({ counts: { old: 6 }, judged: 0 });
  expect((await t.db.query('select sent from dmarc.sending_days')).rows).toEqual([{ sent: 1 }]);
  context.config.retention.rollups_days = 30;
  await keep(async () => (await count('sending_days')) + (await count('sending_day_recipients')) === 0);
});

test('lines that nobody judged yet stay, however old', async () => {
  await importLines(context, linesOf({ id: 'AAAAA1' }));
  await importLines(context, linesOf({ id: 'AAAAA2' }));
  await t.db.query(
    "insert into ruawatch.log_open select source_id, host, queue_id, received_at from ruawatch.log_lines where queue_id = 'AAAAA1'",
  );
  now = new Date('2027-11-27T12:00:00Z');
  await keep(async () => (await count('log_lines')) === 1);
});

test('what is older is deleted in portions, and all of it is counted', async () => {
  const source_id = await putSource(t.db, 'mx1');
  const lines = (n: number, at: string) =>
    t.db.query(
      `insert into ruawatch.log_lines (source_id, host, queue_id, received_at, lines)
       select $1, 'mx1', 'q' || i, $3, '[]' from generate_series(1, $2) i`,
      [source_id, n, at],
    );
  await lines(5_000, '2026-11-01T00:00:00Z');
  await lines(1, '2026-11-20T00:00:00Z');
  await t.db.query(
    `insert into ruawatch.log_unparsed (source_id, program, day, lines)
     select $1, 'p' || i, '2026-11-19'::date + i / 3, 9 from generate_series(1, 3) i`,
    [source_id],
  );
  await t.db.query(
    `insert into ruawatch.log_dns_changes (source_id, hash, at, host, program, zone, action, words)
     select $1, i::text, '2026-10-01'::timestamptz + (i / 4) * interval '1 month', 'ns1', 'named', 'example.com', 'added', 'x'
       from generate_series(1, 4) i`,
    [source_id],
  );
  await t.db.query(
    `insert into ruawatch.bounces (message_key, n, received_at, recipient_domain, action, status, words, dmarc_words)
     select 1, i, '2026-10-01'::timestamptz + (i / 8) * interval '1 month', 'a.example', 'failed', '5.7.26', 'x', true
       from generate_series(1, 8) i`,
  );
  for (let n = 0; n < 16; n++)
    await putMessage(t.db, { source_id, queue_id: `m${n}`, started_at: `2026-10-0${n === 15 ? 9 : 1}T00:00:${10 + n}Z` });
  await t.db.query("update ruawatch.log_sources set dropped_before = '-infinity'");
  const first_at = '2026-09-01T00:00:00Z';
  await putDay(t.db, { sent: 1, first_at, recipients: { 'a.example': 1, 'b.example': 1 } });
  const limits = { lines: new Date('2026-11-20T00:00:00Z'), messages: new Date('2026-10-05T00:00:00Z') };
  const kept = async () => {
    const tables = [
      'log_lines',
      'log_unparsed',
      'log_dns_changes',
      'bounces',
      'sent_messages',
      'sending_days',
      'sending_day_recipients',
    ];
    const counts: number[] = [];
    for (const table of tables) counts.push(await count(table));
    return counts;
  };
  const dropped = async () => (await t.db.query('select dropped_before from ruawatch.log_sources')).rows[0].dropped_before;
  // A whole portion of lines, 2 programs, 3 changes of DNS, 7 bounces, 15 messages.
  expect(await forgetLogs(t.db, { ...limits, days: null })).toEqual({ deleted: 5_000 + 2 + 3 + 7 + 15, more: true });
  expect(await kept()).toEqual([1, 1, 1, 1, 1, 1, 2]);
  // The newest that is gone began then.
  expect(await dropped()).toEqual(new Date('2026-10-01T00:00:24.001Z'));
  expect(await forgetLogs(t.db, { ...limits, days: new Date('2026-09-01T00:00:00Z') })).toEqual({ deleted: 0, more: false });
  expect(await forgetLogs(t.db, { ...limits, days: new Date('2026-09-02T00:00:00Z') })).toEqual({ deleted: 3, more: false });
  expect(await kept()).toEqual([1, 1, 1, 1, 1, 0, 0]);
  // One that began before is deleted later, and moves nothing back; a whole portion of messages is told too.
  await t.db.query(
    `insert into ruawatch.sent_messages (source_id, cluster, environment, workload, host, queue_id, started_at, last_at, judged_at, direction, draft, line_hashes)
     select $1, '', '', '', 'mx1', 'n' || i, '2026-09-01', '2026-09-01', '2026-09-01', 'out', '{}', '{}' from generate_series(1, 5001) i`,
    [source_id],
  );
  expect(await forgetLogs(t.db, { ...limits, days: null })).toEqual({ deleted: 5_000, more: true });
  expect(await forgetLogs(t.db, { ...limits, days: null })).toEqual({ deleted: 1, more: false });
  expect(await dropped()).toEqual(new Date('2026-10-01T00:00:24.001Z'));
});
