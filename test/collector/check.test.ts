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
  const context = testContext(t);
  await importLines(context, ['Nov 27 10:00:00 mx1 postfix/unheard[7]: of'], { name: 'file' });
  await context.queues.close();
  expect((await check()).text).toBe('2 sources; 1 line of postfix were not known since yesterday');
  await t.db.query(
    "insert into ruawatch.log_open select source_id, 'mx1', 'AAAAA1', '2026-01-01Z' from ruawatch.log_sources where name = 'file'",
  );
  expect((await check()).text).toContain('1 queue id wait to be judged since 2026-01-01T00:00:00.000Z: start the collector');
  config.collector.tls = { certFile: '/nowhere', keyFile: '/nowhere', clientCaFile: null };
  await expect(check()).rejects.toThrow('collector.tls_cert_file cannot be read');
});
