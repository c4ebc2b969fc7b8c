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

const jobs = async (outcome: string) =>
  (await context.metrics.jobs.get()).values.filter(({ labels }) => labels.queue === 'parse' && labels.outcome === outcome);

test('a message that another worker holds for long is no trouble of the parser, and is parsed later', async () => {
  await receivePolled(t, [Buffer.from('From: a@b.example\r\nMessage-ID: <1@b.example>\r\n\r\nNo report.\r\n')]);
  await t.db.query('update ruawatch.messages set queued_at = null');
  context.config.sweep = { every_seconds: 0.1, after_seconds: 0.1 };
  const other = await t.db.connect();
  await other.query('begin');
  await other.query('select from ruawatch.messages for update');
  service = startParser(context);
  // The sweep skips rows that are held: the job is there all the same, as after a lease that ran out.
  await context.queues.add('parse', { messages: [1] });
  await until(async () => (await jobs('retried')).length + (await jobs('failed')).length > 0);
  expect(service.waitingFor()).toBeNull();
  await other.query('rollback');
  other.release();
  await until(async () => (await t.db.query("select from ruawatch.messages where state = 'received'")).rowCount === 0);
  expect(service.waitingFor()).toBeNull();
});

test('a large message that is held for a moment is parsed without waiting for a sweep', async () => {
  const lines = `${'A line of a large mail.\r\n'.repeat(30_000)}`;
  await receivePolled(t, [Buffer.from(`From: a@b.example\r\nMessage-ID: <1@b.example>\r\n\r\n${lines}`)]);
  context.config.sweep = { every_seconds: 3_600, after_seconds: 3_600 };
  const other = await t.db.connect();
  await other.query('begin');
  await other.query('select from ruawatch.messages for update');
  service = startParser(context);
  await context.queues.add('parse', { messages: [1] });
  // By then the job has ended: it hands large messages on.
  await until(async () => (await jobs('done')).length > 0);
  // Long enough for the first try at the message, and shorter than all of them.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await other.query('rollback');
  other.release();
  await until(async () => (await t.db.query("select from ruawatch.messages where state = 'received'")).rowCount === 0);
});
