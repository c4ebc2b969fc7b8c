import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApplier } from '../../services/applier/index.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { loadGrant } from '../../services/store/grants/grants.ts';
import { beginEnd } from '../../services/store/grants/life.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { askForGrant } from '../helpers/grants.ts';
import { ownMark } from '../helpers/lending.ts';
import { until } from '../helpers/services.ts';
import { GROUPS, planOf, rulesOf } from '../requests/sample.ts';

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

/** Mail accounts are lent by a program, which goes on with these lines of shell for a verb. */
const lendBy = (folder: string, verb: string, lines: string) => {
  const program = `read asked; case "$asked" in *'"verb":"${verb}"'*) ${lines};; esac; echo '{}'`;
  context.config.access = {
    unwatchedMs: 900_000,
    databases: [],
    dns: [],
    mail: [
      {
        name: 'submission',
        for: [],
        services: [],
        longestSeconds: 86_400,
        risk: 'low',
        addresses: ['@example.com'],
        accounts: { by: 'command', command: ['sh', '-c', program] },
        doveadm: null,
      },
    ],
    providers: [],
    console: null,
  };
  return path.join(folder, 'log');
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-applier-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what is lent was looked at before anything is changed', async () => {
  const log = lendBy(folder, 'list', `echo asked >> ${folder}/log; sleep 1; echo said >> ${folder}/log`);
  by(`cat > /dev/null; echo changed >> ${log}; exit 0`);
  const key = await ask('a');
  service = startApplier(context);
  await until(async () => (await stateOf(key)) === 'active');
  expect(readFileSync(log, 'utf8')).toBe('asked\nsaid\nchanged\n');
});

test('it stops when the end of a grant, which it was woken for, is noted', async () => {
  await ownMark(t.db);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const log = lendBy(folder, 'end', `echo asked >> ${folder}/log; exec sleep 600`);
  writeFileSync(log, '');
  const grant = await askForGrant(t.db, {
    kind: 'access.email',
    holder: 'ada@example.com',
    scope: { from: 'shop@example.com' },
    server: 'submission',
  });
  const again = () => loadGrant(t.db, grant.grant_key);
  service = startApplier(context);
  await until(async () => (await again()).state === 'active');
  const sessions = async (which: string) =>
    (await t.db.query(`select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and ${which}`))
      .rowCount!;
  await until(async () => (await sessions("query like 'listen %'")) === 1);
  await beginEnd(t.db, grant, { reason: 'a leak', by: 'ada@example.com' }, null);
  await until(() => readFileSync(log, 'utf8') === 'asked\n');

  // The row cannot be written for now.
  const other = await t.db.connect();
  await other.query('begin');
  await other.query('select from ruawatch.grants where grant_key = $1 for update', [grant.grant_key]);
  let over = false;
  const stopping = service.stop().then(() => {
    over = true;
  });
  await until(async () => (await sessions("wait_event_type = 'Lock'")) === 1);
  await until(async () => (await sessions("query like 'listen %'")) === 0);
  expect(over).toBe(false);
  await other.query('commit');
  other.release();
  await stopping;
  service = null;
  // What was asked of the program is not known, and nothing was begun after the stop.
  expect(await again()).toMatchObject({ state: 'ending', tries: 1, answer: expect.stringMatching(/^submission: /) });
  expect(readFileSync(log, 'utf8')).toBe('asked\n');
});
