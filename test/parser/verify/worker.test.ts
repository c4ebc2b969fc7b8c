import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { readInThisThread } from '../../../services/parser/reading/pool.ts';
import { startVerifier, type Verifier, verifyAgain } from '../../../services/parser/verify/index.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { until } from '../../helpers/services.ts';
import { mailFrom, receivePolled, resolverOf, signed, type TestResolver } from '../signed.ts';

const REPORTER = 'reporter.example';
let t: TestDatabase;
let real: Context;
let resolver: TestResolver;
let verifier: Verifier | undefined;
beforeEach(async () => {
  t = await testDatabase();
  real = testContext(t);
  resolver = resolverOf(REPORTER);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await verifier?.stop();
  verifier = undefined;
  await real.queues.close();
  await t.drop();
});

type Job = (job: { messages: number[] }, log: Context['log']) => Promise<void>;
type Options = { concurrency: number; onDead: (job: { messages: number[] }, error: Error) => Promise<void> };

/** A verifier whose queue the test plays: what it registers, adds, logs and waits for, in order. */
function start(settings: { everySeconds?: number; waiting?: () => Promise<number> } = {}) {
  const seen: unknown[][] = [];
  const given: { job?: Job; options?: Options } = {};
  const log = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (fields: object, text: string) => seen.push([level, fields, text]),
    ]),
  ) as unknown as Context['log'];
  const context = {
    ...real,
    log,
    config: {
      ...real.config,
      parser: { ...real.config.parser, concurrency: 3 },
      sweep: { every_seconds: settings.everySeconds ?? 1000, after_seconds: 60 },
    },
    queues: {
      work(name: string, job: Job, options: Options) {
        Object.assign(given, { job, options });
        return { drain: async () => void seen.push(['drained', name]) };
      },
      waiting: settings.waiting ?? (async () => 1_000_000),
      add: async (name: string, job: object) => void seen.push(['add', name, job]),
    },
  } as unknown as Context;
  verifier = startVerifier(context, resolver, readInThisThread({}));
  return { seen, job: given.job!, options: given.options!, log, context };
}

const store = async (...ids: string[]) => {
  const keys = await receivePolled(
    t,
    await Promise.all(ids.map((id) => signed(mailFrom(REPORTER, { id, rows: [{ ip: '192.0.2.1', count: 1 }] }), REPORTER))),
  );
  await parseMessages(t.db, keys, { trust: real.config.trust });
  return keys;
};
const reasons = async () =>
  (await t.db.query<{ trust_reason: string }>('select trust_reason from ruawatch.reports order by report_id')).rows.map(
    (row) => row.trust_reason,
  );
const woken = ['add', 'analyze', { domains: ['example.com'] }];

test('a job verifies its messages, wakes the analyzer, and logs which of them are retried', async () => {
  const { seen, job, options, log } = start();
  expect(options.concurrency).toBe(3);
  const [key] = await store('a');
  await job({ messages: [key!] }, log);
  expect(seen).toEqual([woken]);
  const [later] = await store('b');
  resolver.down.add(`s1._domainkey.${REPORTER}`);
  await job({ messages: [later!] }, log);
  expect(seen.slice(1)).toEqual([['info', { messages: [later] }, 'reporters cannot be verified yet; the messages are retried']]);
});

test('messages are verified at once where that is asked for', async () => {
  const { seen } = start();
  await verifier!.verify(await store('a'));
  expect(seen).toEqual([woken]);
});

test('a job that failed for good is logged, and its reports say why they wait', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const { seen, options } = start();
  const keys = await store('a');
  await options.onDead({ messages: keys }, new Error('the disk is full'));
  expect(seen).toEqual([
    [
      'error',
      { messages: keys, err: 'the disk is full' },
      'the reporters of these messages could not be verified; the messages are retried',
    ],
  ]);
  expect(await reasons()).toEqual(['Not verified yet: the disk is full']);
  const { rows } = await t.db.query('select attempts, due_at > now() as later from ruawatch.trust_checks');
  expect(rows).toEqual([{ attempts: 1, later: true }]);
});

test('due checks of all kinds of reports are enqueued, in the order of their messages', async () => {
  const keys = (await store('a', 'b', 'c')).sort((a, b) => a - b);
  const [first, second, third] = keys as [number, number, number];
  await t.db.query("update ruawatch.trust_checks set due_at = now() - interval '1 hour' where message_key = $1", [second]);
  await t.db.query('delete from ruawatch.trust_checks where message_key <> $1', [second]);
  await t.db.query(
    `insert into ruawatch.other_checks (message_key, kind, report_key, due_at)
     select key, 'tls', key, now() - interval '1 hour' from unnest($1::bigint[]) as key`,
    [[third, first, second]],
  );
  const { seen } = start({ everySeconds: 0.05, waiting: async () => 0 });
  await until(async () => seen.some(([what]) => what === 'add'));
  expect(seen.filter(([what]) => what === 'add')).toEqual([['add', 'verify', { messages: [first, second, third] }]]);
});

test('a sweep that fails is logged with its interval; stopping ends the sweeps before the jobs', async () => {
  const { seen } = start({ waiting: () => Promise.reject(new Error('no queue')) });
  await until(async () => seen.length > 0);
  expect(seen).toEqual([
    ['warn', { err: 'no queue' }, 'the sweep for reports that wait to be verified failed; next try in 1000 s'],
  ]);
  let sweeps = 0;
  await verifier!.stop();
  const other = start({ everySeconds: 0.01, waiting: async () => ++sweeps * 1_000_000 });
  await until(async () => sweeps > 2);
  await verifier!.stop();
  expect(other.seen).toEqual([['drained', 'verify']]);
  const before = sweeps;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(sweeps).toBe(before);
});

test('verifying again looks up keys where it is asked to, and counts the messages that wait', async () => {
  const keys = await store('a', 'b');
  resolver.down.add(`s1._domainkey.${REPORTER}`);
  expect(await verifyAgain(real, keys, resolver)).toBe(2);
  expect(resolver.asked).toEqual([`s1._domainkey.${REPORTER}`]);
});
