import { afterEach, beforeEach, expect, test } from 'vitest';
import { startParser } from '../../services/parser/index.ts';
import { sweep } from '../../services/parser/sweep.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { takeUnqueued } from '../../services/store/messages/messages.ts';
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

/** Stored mails whose jobs were lost. */
async function lost(n: number): Promise<void> {
  await receivePolled(
    t,
    Array.from({ length: n }, (_, i) => Buffer.from(`From: a@b.example\r\nMessage-ID: <${i}@b.example>\r\n\r\nNo report.\r\n`)),
  );
  await t.db.query('update ruawatch.messages set queued_at = null');
}
const waiting = async () =>
  (await t.db.query<{ n: number }>("select count(*)::int as n from ruawatch.messages where state = 'received'")).rows[0]!.n;

test('what a lost queue left behind is all queued in one sweep, each message once', async () => {
  await lost(4_500);
  // One sweep is all there is.
  context.config.sweep = { every_seconds: 3_600, after_seconds: 3_600 };
  service = startParser(context);
  await until(async () => (await waiting()) === 0);
  const { rows } = await t.db.query('select distinct attempts from ruawatch.messages');
  expect(rows).toEqual([{ attempts: 1 }]);
  const jobs = (await context.metrics.jobs.get()).values.filter(({ labels }) => labels.queue === 'parse');
  expect(jobs).toMatchObject([{ labels: { outcome: 'done' }, value: 45 }]);
});

test('no window is taken while the jobs of the last are waiting', async () => {
  context.config.sweep = { every_seconds: 0.05, after_seconds: 3_600 };
  context.config.parser.batch_messages = 100;
  await lost(2_100);
  const stopping = new AbortController();
  const seen: number[] = [];
  const taken: number[] = [];
  let turns = 0;
  const sweeping = sweep(
    context,
    'parse',
    async (limit) => {
      seen.push(await context.queues.waiting('parse'));
      const keys = await takeUnqueued(t.db, 3_600, limit);
      taken.push(...keys);
      return keys;
    },
    { signal: stopping.signal, turned: () => turns++ },
  );
  // It says at each step that it moves: a backlog may take it hours.
  await until(async () => (await context.queues.waiting('parse')) === 20 && turns > 3);
  expect(seen).toHaveLength(1);
  const worked: number[] = [];
  const worker = context.queues.work('parse', async ({ messages }) => void worked.push(...messages));
  await sweeping;
  await worker.drain();
  expect(seen).toHaveLength(3);
  expect(Math.max(...seen)).toBeLessThan(10);
  expect(taken).toHaveLength(2_100);
  expect(new Set(worked).size).toBe(worked.length);
});
