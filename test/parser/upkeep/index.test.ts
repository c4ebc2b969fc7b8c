import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { startRetention } from '../../../services/parser/upkeep/index.ts';
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
  const retention = startRetention({ ...context, clock: { now: () => now } });
  try {
    const left = async () =>
      (await t.db.query<{ key: number }>('select distinct message_key as key from ruawatch.raw order by 1')).rows.map(
        ({ key }) => key,
      );
    await until(async () => !(await left()).includes(over));
    expect(await left()).toEqual([nearly, fresh].sort((a, b) => a - b));
  } finally {
    await retention.stop();
    await context.queues.close();
  }
});
