import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRetention } from '../../../services/parser/upkeep/index.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { importLines, linesOf } from '../../collector/setup.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { until } from '../../helpers/services.ts';

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
