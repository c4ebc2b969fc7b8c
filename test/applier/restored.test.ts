import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GrantKeeper } from '../../services/applier/grants/keep.ts';
import { startApplier } from '../../services/applier/index.ts';
import { type Db, openPool, transaction } from '../../services/shared/runtime/db.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { lentRoles } from '../../services/store/console/lent-roles.ts';
import { isNewCopy } from '../../services/store/grants/due.ts';
import { countUse } from '../../services/store/grants/grants.ts';
import { lentKeys, receiveUpdate } from '../../services/store/grants/lent-updates.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { withdraw } from '../../services/store/requests/decide.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { admin, type TestDatabase, testDatabase } from '../helpers/database.ts';
import { askForGrant, makeActive } from '../helpers/grants.ts';
import { until } from '../helpers/services.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

const ZOE = 'zoe@example.com';
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });

let t: TestDatabase;
let context: Context;
let copy: { db: Db; drop(): Promise<void> } | null = null;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  context.config.approvals.rules = RULES;
});
afterEach(async () => {
  await context.queues.close();
  await copy?.drop();
  copy = null;
  await t.drop();
});

const ask = async (db = t.db) =>
  (await openRequest(db, RULES, { plan: planOf(), requester: ZOE, requester_kind: 'person', why: 'ours' }))!;
const keep = (db: Db, keeper = new GrantKeeper()) => {
  const { config, log } = context;
  const dns = { ask: async () => ({ state: 'unknown' as const, reason: 'cancelled' as const, message: '' }) };
  const signal = new AbortController().signal;
  return keeper.turn({ db, log, access: config.access, dnsTargets: [], dns, at: () => null, signal });
};

/** The database as it is now, as a server has it that was set up from a backup. */
async function backup(): Promise<NonNullable<typeof copy>> {
  const server = process.env.TEST_POSTGRES_URL!;
  const [from, to] = [new URL(t.url).pathname.slice(1), `t_${randomBytes(6).toString('hex')}`];
  await t.db.end();
  await admin(server, `create database ${to} template ${from} strategy file_copy`);
  const opened = (name: string) => {
    const db = openPool(new URL(`/${name}`, server).href, { name: 'ruawatch test', max: 8 });
    const drop = async () => {
      await db.end();
      await admin(server, `drop database if exists ${name} with (force)`);
    };
    return { db, drop };
  };
  t = { ...t, ...opened(from) };
  copy = opened(to);
  return copy;
}

test('what was withdrawn after the backup is not carried out by a database that was restored', async () => {
  const key = await ask();
  await keep(t.db);
  const { db } = await backup();
  await withdraw(t.db, key, { person: ZOE, why: 'a mistake' });
  const before = (await loadRequest(db, key)).state;
  expect(before).toBe('approved');

  const service = startApplier({ ...context, db });
  try {
    await until(async () => (await loadRequest(db, key)).state !== 'approved');
    // What is asked for after that is carried out.
    const next = await openRequest(db, RULES, {
      plan: planOf({ changes: [{ ...planOf().changes[0]!, source: 'other.example' } as never] }),
      requester: ZOE,
      requester_kind: 'person',
      why: 'ours',
    });
    await until(async () => (await loadRequest(db, next!)).state === 'done');
  } finally {
    await service.stop();
  }
  expect(await loadRequest(db, key)).toMatchObject({ state: 'expired', outcome: expect.stringContaining('ask again') });
  const { rows } = await db.query('select source from ruawatch.sender_list');
  expect(rows).toEqual([{ source: 'other.example' }]);
  expect((await verifyAudit(db)).faults).toEqual([]);
  const told = await db.query<{ recipients: string[] }>("select recipients from ruawatch.request_events where event = 'expire'");
  expect(told.rows).toEqual([{ recipients: [ZOE] }]);
});

test('what was being applied ends as failed, and nothing is done before that', async () => {
  const key = await ask();
  await t.db.query("update ruawatch.requests set state = 'applying' where request_key = $1", [key]);
  await keep(t.db);
  const { db } = await backup();
  expect(await isNewCopy(db)).toBe(true);
  await keep(db);
  expect(await isNewCopy(db)).toBe(false);
  expect(await loadRequest(db, key)).toMatchObject({
    state: 'failed',
    outcome: expect.stringContaining('look at what is published'),
  });
});

test.each([
  ['a pause of half a day', "update ruawatch.grant_watch set seen_at = seen_at - interval '12 hours'", 'expired'],
  ['a pause of an hour', "update ruawatch.grant_watch set seen_at = seen_at - interval '1 hour'", 'approved'],
])('%s', async (_, what, state) => {
  const key = await ask();
  await keep(t.db);
  await t.db.query(what);
  await keep(t.db);
  expect((await loadRequest(t.db, key)).state).toBe(state);
});

test('an audit chain that becomes shorter is that of a database that was restored', async () => {
  const keeper = new GrantKeeper();
  const key = await ask();
  await keep(t.db, keeper);
  await transaction(t.db, async (tx) => {
    await tx.query("set local session_replication_role = 'replica'");
    await tx.query('delete from ruawatch.audit where number = (select number from ruawatch.audit_head)');
    await tx.query(`update ruawatch.audit_head h set number = h.number - 1,
      hash = coalesce((select a.hash from ruawatch.audit a order by number desc limit 1), base_hash)`);
  });
  await keep(t.db, keeper);
  expect((await loadRequest(t.db, key)).state).toBe('expired');
});

test('nothing that is lent counts in a copy before it was looked at, whoever looks it up', async () => {
  const inKey = { zone: 'example.com', names: ['a.example.com'], types: ['TXT'], operations: ['add', 'delete'] };
  const scope = { ...inKey, use: 'key', task: null };
  const lent = { kind: 'access.dns' as const, server: 'primary', domain: 'example.com', holder: ZOE };
  const key = await askForGrant(t.db, { ...lent, scope: scope as never, credential: 'sealed' });
  const role = { role: 'operator', domains: ['example.com'] };
  const console = await askForGrant(t.db, { kind: 'access.console', server: 'console', holder: ZOE, scope: role });
  const { rows } = await t.db.query<{ person_key: number }>(
    "insert into ruawatch.people (name, email, role, created_at, created_by) values ($1, $1, 'viewer', now(), 'test') returning person_key",
    [ZOE],
  );
  const person = rows[0]!.person_key;
  for (const grant of [key, console]) await makeActive(t.db, grant);
  await t.db.query(`update ruawatch.grant_watch set seen_at = clock_timestamp(), print = ruawatch.database_print()`);
  const counts = async (db: Db) => ({
    over: (await lentKeys(db)).map(({ over }) => over),
    used: await countUse(db, key.grant_key),
    received: (await receiveUpdate(db, { grant_key: key.grant_key, mac: randomBytes(32), client: '192.0.2.1' })).state,
    roles: (await lentRoles(db, person)).length,
  });
  const { db } = await backup();
  expect(await counts(db)).toEqual({ over: [true], used: false, received: 'ended', roles: 0 });
  expect(await counts(t.db)).toEqual({ over: [false], used: true, received: 'new', roles: 1 });
});
