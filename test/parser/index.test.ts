import { afterEach, beforeEach, expect, test } from 'vitest';
import { startParser } from '../../services/parser/index.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { receivePolled } from './signed.ts';

let t: TestDatabase;
let context: Context;
let service: Service | undefined;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await context.queues.close();
  await t.drop();
});

test('a message that another worker holds for long is no trouble of the parser, and is parsed later', async () => {
  await receivePolled(t, [Buffer.from('From: a@b.example\r\nMessage-ID: <1@b.example>\r\n\r\nNo report.\r\n')]);
  await t.db.query('update ruawatch.messages set queued_at = null');
  context.config.sweep = { every_seconds: 0.1, after_seconds: 0.1 };
  const other = await t.db.connect();
  await other.query('begin');
  await other.query('select from ruawatch.messages for update');
  service = startParser(context);
  const jobs = async (outcome: string) =>
    (await context.metrics.jobs.get()).values.filter(({ labels }) => labels.queue === 'parse' && labels.outcome === outcome);
  // The sweep skips rows that are held: the job is there all the same, as after a lease that ran out.
  await context.queues.add('parse', { messages: [1] });
  await until(async () => (await jobs('retried')).length + (await jobs('failed')).length > 0);
  expect(service.waitingFor()).toBeNull();
  await other.query('rollback');
  other.release();
  await until(async () => (await t.db.query("select from ruawatch.messages where state = 'received'")).rowCount === 0);
  expect(service.waitingFor()).toBeNull();
});
