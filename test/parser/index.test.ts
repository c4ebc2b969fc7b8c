import { afterEach, beforeEach, expect, test } from 'vitest';
import { startParser } from '../../services/parser/index.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { reportMail, reportXml } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { receivePolled, resolverOf, signed } from './signed.ts';

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

const settled = () =>
  until(async () => (await t.db.query("select from ruawatch.messages where state = 'received'")).rowCount === 0);
const done = async (queue: string) =>
  (await context.metrics.jobs.get()).values.find(({ labels }) => labels.queue === queue && labels.outcome === 'done')?.value ?? 0;

test('a large message is verified where it is parsed, without a job', async () => {
  context.config.trust.check = 'verify';
  context.config.sweep = { every_seconds: 3_600, after_seconds: 3_600 };
  const rows = Array.from({ length: 5_001 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }));
  const mail = await signed(reportMail(reportXml({ domain: 'a.example', rows }), { unique: 'a' }), 'reporter.example');
  await receivePolled(t, [mail]);
  context.config.limits = { ...context.config.limits, ratio: 1e9 };
  service = startParser(context, resolverOf('reporter.example'));
  await context.queues.add('parse', { messages: [1] });
  await settled();
  await until(
    async () => (await t.db.query("select from ruawatch.reports where reporter_trust = 'authenticated'")).rowCount === 1,
  );
  expect([await done('verify'), await done('parse')]).toEqual([0, 1]);
});

test('a database that is away is what it waits for, until a job succeeds', async () => {
  await receivePolled(t, [Buffer.from('From: a@b.example\r\nMessage-ID: <1@b.example>\r\n\r\nNo report.\r\n')]);
  context.config.sweep = { every_seconds: 3_600, after_seconds: 3_600 };
  let away = true;
  const gone = () => Promise.reject(Object.assign(new Error('It is gone.'), { code: 'ECONNRESET' }));
  const db = new Proxy(context.db, {
    get: (target, name) => {
      if (away && (name === 'query' || name === 'connect')) return gone;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  service = startParser({ ...context, db });
  expect(service.waitingFor()).toBeNull();
  await context.queues.add('parse', { messages: [1] });
  await until(async () => service!.waitingFor() !== null);
  expect(service.waitingFor()).toMatch(/It is gone/);
  away = false;
  await settled();
  await until(async () => service!.waitingFor() === null);
});
