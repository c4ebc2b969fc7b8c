import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkCollector } from '../../services/collector/check.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { addLogSource } from '../../services/store/sending/sources.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { importLines, SOURCE } from './setup.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

test('doctor: what is there, what is silent, what waits, and what nobody can read', async () => {
  const config = loadConfig({ DATABASE_URL: t.url }, '/nonexistent');
  const now = new Date();
  const check = () => checkCollector(t.db, config, now);
  expect(await check()).toEqual({ text: expect.stringContaining('no source may deliver lines'), warn: true });
  await addLogSource(t.db, { ...SOURCE, name: 'eu-1' });
  expect(await check()).toEqual({ text: '1 source; no line for an hour from eu-1', warn: true });
  await t.db.query('update ruawatch.log_sources set last_seen_at = $1', [now]);
  expect(await check()).toEqual({ text: '1 source', warn: false });
  // An hour is not too long, and a source of files is never silent.
  for (const [ms, warn] of [
    [3_600_000, false],
    [3_600_001, true],
  ] as const) {
    await t.db.query('update ruawatch.log_sources set last_seen_at = $1', [new Date(now.getTime() - ms)]);
    expect(await check()).toEqual({ text: warn ? '1 source; no line for an hour from eu-1' : '1 source', warn });
  }
  const context = testContext(t);
  await importLines(context, ['Nov 27 10:00:00 mx1 postfix/unheard[7]: of'], { name: 'file' });
  await context.queues.close();
  const unread = '1 line of postfix were not known since yesterday';
  expect(await check()).toEqual({ text: `2 sources; no line for an hour from eu-1; ${unread}`, warn: true });
  await t.db.query("update ruawatch.log_sources set last_seen_at = $1 where name = 'eu-1'", [now]);
  expect(await check()).toEqual({ text: `2 sources; ${unread}`, warn: false });
  const late = (config.collector.window_seconds + 600) * 1000;
  await t.db.query(
    "insert into ruawatch.log_open select source_id, 'mx1', 'BBBBB1', $1 from ruawatch.log_sources where name = 'file'",
    [new Date(now.getTime() - late)],
  );
  expect((await check()).warn).toBe(false);
  await t.db.query("update ruawatch.log_open set received_at = $1 where queue_id = 'BBBBB1'", [
    new Date(now.getTime() - late - 1),
  ]);
  expect((await check()).warn).toBe(true);
  await t.db.query('delete from ruawatch.log_open');
  await t.db.query(
    "insert into ruawatch.log_open select source_id, 'mx1', 'AAAAA1', '2026-01-01Z' from ruawatch.log_sources where name = 'file'",
  );
  expect(await check()).toEqual({
    text: `2 sources; 1 queue id wait to be judged since 2026-01-01T00:00:00.000Z: start the collector; ${unread}`,
    warn: true,
  });
  config.collector.tls = { certFile: '/nowhere', keyFile: '/nowhere', clientCaFile: null };
  await expect(check()).rejects.toThrow('collector.tls_cert_file cannot be read');
});
