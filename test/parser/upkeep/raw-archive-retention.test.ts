import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepArchive } from '../../../services/parser/upkeep/raw-archive-retention.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { measureArchive } from '../../../services/store/messages/archive.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive } from '../../helpers/report.ts';

const DAY_MS = 86_400_000;
let t: TestDatabase;
let context: Context;
let now: Date;
let lines: [string, Record<string, unknown>, string][] = [];
beforeEach(async () => {
  t = await testDatabase();
  now = new Date();
  lines = [];
  context = testContext(t, { clock: { now: () => now } });
  const log = (level: string) => (given: Record<string, unknown>, said: string) => void lines.push([level, given, said]);
  context.log = { warn: log('warn'), info: log('info') } as unknown as Context['log'];
  context.config.retention.ignored_days = null;
  context.config.retention.raw_total_gb = null;
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

/** Mails of about a thousand bytes that nothing makes smaller, in a state. */
async function add(count: number, state: string): Promise<number[]> {
  const keys = await receive(
    t,
    Array.from({ length: count }, () => Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), randomBytes(1_000)])),
  );
  await t.db.query('update ruawatch.messages set state = $2 where message_key = any($1::bigint[])', [keys, state]);
  return keys.sort((a, b) => a - b);
}
const left = async () =>
  (await t.db.query<{ key: number }>('select message_key as key from ruawatch.raw order by 1')).rows.map(({ key }) => key);
const metric = async (name: 'rawBytes' | 'rawTotalBytes') => (await context.metrics[name].get()).values.map(({ value }) => value);

test('without a total nothing is deleted, and it is measured all the same', async () => {
  const keys = [...(await add(2, 'ignored')), ...(await add(1, 'quarantined'))];
  await keepArchive(context);
  expect([await left(), lines]).toEqual([keys, []]);
  expect(await metric('rawBytes')).toEqual([await measureArchive(t.db)]);
  expect(await metric('rawTotalBytes')).toEqual([]);
});

test('mails without a report go after their days, all of them, and no others', async () => {
  context.config.retention.ignored_days = 7;
  await add(201, 'ignored');
  const others = [...(await add(1, 'quarantined')), ...(await add(1, 'stored'))];
  const { rows } = await t.db.query<{ first: Date; last: Date }>(
    'select min(stored_at) as first, max(stored_at) as last from ruawatch.messages',
  );
  now = new Date(rows[0]!.first.getTime() + 7 * DAY_MS);
  await keepArchive(context);
  expect((await left()).length).toBe(203);
  now = new Date(rows[0]!.last.getTime() + 7 * DAY_MS + 1);
  await keepArchive(context);
  expect(await left()).toEqual(others);
  expect(lines).toMatchObject([
    [
      'info',
      { setting: 'retention.ignored_days', state: 'ignored', mails: 201 },
      'raw mails were deleted because their retention time was over',
    ],
  ]);
});

test('over the total the oldest ignored mails go, then quarantined ones, and only as many as need be', async () => {
  const quarantined = await add(3, 'quarantined');
  const ignored = await add(3, 'ignored');
  const stored = await add(3, 'stored');
  const size = await measureArchive(t.db);
  const total = async (bytes: number) => {
    lines = [];
    context.config.retention.raw_total_gb = bytes / 1e9;
    await keepArchive(context);
    return (await left()).sort((a, b) => a - b);
  };
  expect(await total(size)).toHaveLength(9);
  expect(lines.map(([level, , said]) => `${level} ${said.slice(0, 46)}`)).toEqual([
    'warn the archive of raw mails is above 80% of its t',
  ]);
  expect(await total(size - 1_500)).toEqual([...quarantined, ...ignored.slice(2), ...stored]);
  expect(await metric('rawBytes')).toEqual([await measureArchive(t.db)]);
  expect(await metric('rawTotalBytes')).toEqual([expect.closeTo(size - 1_500, 3)]);
  expect(lines[0]).toMatchObject([
    'info',
    { setting: 'retention.raw_total_gb', state: 'ignored', mails: 2 },
    'raw mails were deleted because the archive was over its total',
  ]);
  expect(await total(size - 4_500)).toEqual([...quarantined.slice(2), ...stored]);
  // What reports were read from stays, whatever the total is.
  expect(await total(10)).toEqual(stored);
  expect(lines.at(-1)).toMatchObject([
    'warn',
    { setting: 'retention.raw_total_gb', gigabytes: 0 },
    expect.stringMatching(/^the archive of raw mails is over its total; only mails from which reports were read are left/),
  ]);
});

test('above four fifths of the total there is a warning', async () => {
  await add(3, 'stored');
  const size = await measureArchive(t.db);
  const warned = async (bytes: number) => {
    lines = [];
    context.config.retention.raw_total_gb = bytes / 1e9;
    await keepArchive(context);
    return lines.map(([level, , said]) => `${level} ${said.slice(0, 60)}`);
  };
  expect(await warned((size + 10) / 0.8)).toEqual([]);
  const above = 'warn the archive of raw mails is above 80% of its total; above the';
  expect(await warned((size - 10) / 0.8)).toEqual([above.slice(0, 65)]);
  expect(await warned(size + 1)).toEqual([above.slice(0, 65)]);
  expect(await warned(size - 1)).toEqual([expect.stringContaining('is over its total')]);
});
