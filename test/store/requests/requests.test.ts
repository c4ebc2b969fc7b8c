import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { checkOpen, openRequest } from '../../../services/store/requests/open.ts';
import {
  allInStates,
  askersOf,
  decisionsOn,
  listRequests,
  loadRequest,
  lockRequest,
  momentOf,
  move,
  requestOf,
} from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account, OF_REQUESTS } from '../../helpers/ledger.ts';
import { planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const AUTO = rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 999 } });
const ask = (domain = 'example.com', part: object = {}) =>
  openRequest(
    t.db,
    AUTO,
    { plan: planOf({ domain }), requester: 'zoe@example.com', requester_kind: 'person', why: 'x', ...part },
    START,
  );
const state = (key: number, to: string) =>
  t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, to]);

test('requests are found by state and domain, the newest first, and by the name that opened them', async () => {
  for (const domain of ['example.com', 'shop.example.com', 'badexample.com', 'example.net']) await ask(domain);
  await ask('example.com', { requester: 'spf', requester_kind: 'playbook', playbook: 'spf' });
  await state(2, 'done');
  const list = async (filter: Partial<Parameters<typeof listRequests>[1]>) =>
    (await listRequests(t.db, { limit: 9, ...filter })).map(({ request_key }) => request_key);
  expect(await list({})).toEqual([5, 4, 3, 2, 1]);
  expect(await list({ limit: 2 })).toEqual([5, 4]);
  expect(await list({ states: ['done'] })).toEqual([2]);
  expect(await list({ states: [] })).toEqual([]);
  expect(await list({ domain: 'example.com' })).toEqual([5, 1]);
  expect(await list({ domains: ['example.com'] })).toEqual([5, 2, 1]);
  expect(await list({ domains: [] })).toEqual([]);
  expect([await requestOf(t.db, 'spf'), await requestOf(t.db, 'dkim')]).toEqual([5, null]);
  await t.db.query("update ruawatch.requests set kind = 'access.dns' where request_key = 3");
  await t.db.query("update ruawatch.requests set kind = 'messages.release' where request_key = 4");
  expect((await allInStates(t.db, ['approved'])).map(({ request_key }) => request_key)).toEqual([1, 5]);
  expect(await decisionsOn(t.db, 1)).toEqual([]);
  for (const load of [loadRequest, (q: typeof t.db, key: number) => transaction(q, (tx) => lockRequest(tx, key))])
    await expect(load(t.db, 99)).rejects.toMatchObject({
      code: 'no_request',
      message: 'There is no request 99: "ruawatch requests" lists the open ones.',
    });
  expect(await transaction(t.db, (tx) => momentOf(tx, START))).toBe(START);
  expect(await transaction(t.db, (tx) => momentOf(tx, null))).toBeInstanceOf(Date);
});

test('a playbook is nobody who decides, and a person all names', async () => {
  await ask();
  await ask('example.com', { requester: 'spf', requester_kind: 'playbook', playbook: 'spf' });
  await ask('example.com', { requester: 'deploy', requester_kind: 'service' });
  const askers = async (key: number) => askersOf(t.db, await loadRequest(t.db, key));
  expect(await askers(1)).toEqual(['zoe@example.com', 'zoe@example.com']);
  expect(await askers(2)).toEqual(['spf']);
  expect(await askers(3)).toEqual(['deploy']);
});

test('somebody has a hundred requests open at most; what a playbook opens is not counted', async () => {
  await ask();
  const add = (n: number, as = 'pending', kind = 'person') =>
    t.db.query(
      `insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
       select kind, domain, summary, plan, digest, rule, requester, $3, why, $2, created_at, changed_at
         from (select * from ruawatch.requests order by 1 limit 1) r cross join generate_series(1, $1)`,
      [n, as, kind],
    );
  const check = () => checkOpen(t.db, { requester: 'zoe@example.com' });
  await add(98);
  await add(1, 'draft');
  await add(50, 'approved');
  await add(50, 'pending', 'playbook');
  await check();
  await add(1, 'draft');
  await expect(check()).rejects.toMatchObject({
    code: 'too_many_open',
    message: 'zoe@example.com has 100 requests that wait for a decision: withdraw some first.',
  });
  await checkOpen(t.db, { requester: 'ada@example.com' });
});

test('a step sets what is given, clears what is null, and leaves the rest; one that cannot be taken is refused', async () => {
  await ask();
  const step = (name: Parameters<typeof move>[2], set: Parameters<typeof move>[3]): [string, () => Promise<unknown>] => [
    `${name} with ${JSON.stringify({ ...set, at: undefined })}`,
    () => transaction(t.db, (tx) => move(tx, 1, name, set)),
  ];
  const write = (sql: string): [string, () => Promise<unknown>] => [
    sql,
    () => t.db.query(`update ruawatch.requests set ${sql}`).then(() => null),
  ];
  const timer: [string, () => Promise<unknown>] = [
    'a timer runs',
    () =>
      t.db
        .query("insert into ruawatch.request_timers (request_key, what, due_at) values (1, 'remind', $1)", [START])
        .then(() => null),
  ];
  const acts = [
    step('submit', { at: later(1) }),
    write("state = 'draft', unreachable_since = created_at"),
    timer,
    step('submit', { at: later(1), stage: 1 }),
    step('approve', { at: later(2), decided_at: later(2), expires_at: later(9), emergency: true }),
    step('claim', { at: later(3) }),
    step('activate', {
      at: later(4),
      applied_at: later(4),
      expires_at: null,
      ends_at: later(8),
      outcome: 'Applied.',
      stage: 0,
      emergency: false,
    }),
    step('settle', { at: later(5), ends_at: null }),
    step('settle', { at: later(6) }),
  ];
  const queries = {
    request:
      'select request_key, state, stage, emergency, changed_at, expires_at, decided_at, applied_at, ends_at, unreachable_since, outcome from ruawatch.requests order by 1',
    timer: 'select request_key as timer_of, what, due_at from ruawatch.request_timers order by 1',
    event: OF_REQUESTS.event!,
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/steps.txt');
});
