import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApplier } from '../../services/applier/index.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

let t: TestDatabase;
let context: ReturnType<typeof testContext>;
let service: Service | null = null;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
});
afterEach(async () => {
  await service?.stop();
  service = null;
  await context.queues.close();
  await t.drop();
});

const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const ask = async (name: string) => {
  const change = {
    target: 'dns' as const,
    name: `${name}.example.com`,
    type: 'TXT' as const,
    ttl: { before: null, after: 60 },
    before: [],
    after: [txtOf('x')],
  };
  const plan = planOf({ kind: 'dns.change', changes: [change], back: { watch_hours: 72, text: 'It is put back.' } });
  return (await openRequest(t.db, RULES, { plan, requester: 'zoe@example.com', requester_kind: 'person', why: 'x' }))!;
};
const by = (script: string) => {
  context.config.dnsTargets = [{ kind: 'command', name: 'git', zones: ['example.com'], command: ['sh', '-c', script] }];
};
const stateOf = async (key: number) => (await loadRequest(t.db, key)).state;

test('it says which requests wait for their server, until that answers', async () => {
  by('exit 75');
  const keys = [await ask('a'), await ask('b')];
  service = startApplier(context);
  await until(() => service!.waitingFor() !== null);
  expect(service.waitingFor()).toBe(`Changes wait for their server: requests ${keys.join(', ')}.`);
  await service.stop();
  by('exit 0');
  service = startApplier(context);
  await until(async () => (await Promise.all(keys.map(stateOf))).every((state) => state === 'active'));
  await until(() => service!.waitingFor() === null);
  expect([service.name, service.stuck!()]).toEqual(['applier', null]);
});

test('a failure is what it waits for until a turn succeeds', async () => {
  await t.db.query('alter table ruawatch.requests rename to requests_away');
  service = startApplier(context);
  await until(() => service!.waitingFor() !== null);
  expect(service.waitingFor()).toBe('The applier cannot finish its work: relation "ruawatch.requests" does not exist');
  await t.db.query('alter table ruawatch.requests_away rename to requests');
  await until(() => service!.waitingFor() === null);
});

test('a change whose watch is over is done, and one that is published by others too', async () => {
  by('exit 0');
  const key = await ask('a');
  service = startApplier(context);
  await until(async () => (await stateOf(key)) === 'active');
  await t.db.query("update ruawatch.requests set ends_at = now() - interval '2 days'");
  await until(async () => (await stateOf(key)) === 'done');
  expect((await loadRequest(t.db, key)).outcome).toBe('The watch is over: no mail of your own senders broke.');

  context.config.dnsTargets = [];
  await service.stop();
  service = startApplier(context);
  const other = await ask('b');
  await until(async () => (await stateOf(other)) === 'handed_over');
  await t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
     values ('example.com', 'b.example.com', 'TXT', 'dmarc', 'records', now(), now(), now(), '{}', '[]')`,
  );
  await t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
     values ('example.com', 'b.example.com', 'TXT', 'dmarc', 'x', now(), now(), '{}')`,
  );
  await until(async () => (await stateOf(other)) === 'done');
});

test('with the stop it takes no further request', async () => {
  by('sleep 0.3; exit 0');
  const keys = [await ask('a'), await ask('b'), await ask('c')];
  service = startApplier(context);
  await until(async () => (await stateOf(keys[0]!)) === 'applying');
  await service.stop();
  expect(await stateOf(keys[2]!)).toBe('approved');
});
