import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Changes } from '../../services/applier/changes.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { Rule } from '../../services/requests/rules.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { whileAlone } from '../../services/store/requests/alone.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { beginRotation, rotationsOf } from '../../services/store/requests/rotations.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

const NOW = new Date('2026-07-01T08:00:00Z');
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const OTHERS = rulesOf({ name: 'other', decide: 'automatic', ceiling: { per_day: 1000 } });

let t: TestDatabase;
let context: Context;
let changes: Changes;
let lines: object[];
beforeEach(async () => {
  t = await testDatabase();
  await t.db.query('update ruawatch.grant_watch set seen_at = now(), print = ruawatch.database_print()');
  context = testContext(t);
  lines = [];
  by('exit 0');
  settings();
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const by = (script: string) => {
  context.config.dnsTargets = [{ kind: 'command', name: 'git', zones: ['example.com'], command: ['sh', '-c', script] }];
};
/** Another process, with these rules. */
const settings = (rules: Rule[] = []) => {
  context.config.approvals.rules = rules;
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const at = () => NOW;
  changes = new Changes({ config: context.config, db: t.db, log, at, now: at });
};
const ask = async (name: string, part: Partial<Plan> = {}) => {
  const change = {
    target: 'dns' as const,
    name: `${name}.example.com`,
    type: 'TXT' as const,
    ttl: { before: null, after: 60 },
    before: [],
    after: [txtOf('x')],
  };
  const plan = planOf({ kind: 'dns.change', changes: [change], back: { watch_hours: 72, text: 'It is put back.' }, ...part });
  const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
  return (await openRequest(t.db, RULES, given, NOW))!;
};
const stateOf = async (key: number) => (await loadRequest(t.db, key)).state;
let turned = 0;
const make = async (signal = new AbortController().signal) => {
  turned = 0;
  await changes.make(signal, () => {
    turned++;
  });
};
/** Somebody has written to the database. */
const spoil = async (key: number, set: string) => {
  const client = await t.db.connect();
  await client.query("begin; set local session_replication_role = 'replica'");
  await client.query(`update ruawatch.requests set ${set} where request_key = $1`, [key]);
  await client.query('commit');
  client.release();
};

test('one request that cannot be carried out keeps no other from it; the first of them is what is said', async () => {
  const [one, two, three] = [await ask('a'), await ask('b'), await ask('c')];
  await spoil(one, "digest = repeat('0', 64)");
  await spoil(three, "plan = '{}', digest = encode(sha256('{}'), 'hex')");
  const why = 'The plan is not the one that its digest says: it was changed after it was made.';
  await expect(make()).rejects.toThrow(why);
  expect(await Promise.all([one, two, three].map(stateOf))).toEqual(['approved', 'active', 'approved']);
  expect(turned).toBe(3);
  const msg = 'a request could not be applied';
  expect(lines).toEqual([
    { level: 50, request: one, err: why, msg },
    { level: 50, request: three, err: expect.any(String), msg },
  ]);
  expect([changes.failure, changes.waiting]).toEqual([`The applier cannot finish its work: ${why}`, null]);
  for (const key of [one, three])
    await t.db.query("update ruawatch.requests set state = 'withdrawn' where request_key = $1", [key]);
  await make();
  expect([changes.failure, turned]).toEqual([null, 0]);
});

test('what waits for its server is named, until it does not', async () => {
  by('exit 75');
  settings();
  const keys = [await ask('a'), await ask('b')];
  await make();
  expect([changes.failure, changes.waiting, turned]).toEqual([
    null,
    `Changes wait for their server: requests ${keys.join(', ')}.`,
    2,
  ]);
  // With the stop nothing is taken up, and what waited is not forgotten.
  lines = [];
  await make(AbortSignal.abort());
  expect([changes.waiting, turned, lines]).toEqual([`Changes wait for their server: requests ${keys.join(', ')}.`, 0, []]);
  await t.db.query("update ruawatch.requests set state = 'withdrawn' where request_key = $1", [keys[0]]);
  await make();
  expect(changes.waiting).toBe(`Changes wait for their server: requests ${keys[1]}.`);
  await t.db.query("update ruawatch.requests set state = 'withdrawn'");
  await make();
  expect(changes.waiting).toBeNull();
});

test('a copy of the database is left alone, and so is work that another process does', async () => {
  const key = await ask('a');
  await t.db.query("update ruawatch.grant_watch set print = 'other'");
  await make();
  await t.db.query('update ruawatch.grant_watch set print = ruawatch.database_print()');
  await whileAlone(t.db, () => make());
  expect([await stateOf(key), turned]).toEqual(['approved', 0]);
  await make();
  expect(await stateOf(key)).toBe('active');
});

test.each([
  ['no rules', [], 'active', null],
  ['the rule that decided', RULES, 'active', null],
  [
    'another rule',
    OTHERS,
    'failed',
    'It is not carried out. The settings have no rule "all" any more that decides this by itself. Ask again if it is still wanted.',
  ],
] as const)('with %s in the settings', async (_, rules, state, says) => {
  settings([...rules]);
  const key = await ask('a');
  await make();
  const { state: is, outcome } = await loadRequest(t.db, key);
  expect([is, is === 'failed' ? outcome : null]).toEqual([state, says]);
  const lacks = says?.slice('It is not carried out. '.length);
  const msg = 'a request says that it is approved, and nobody has approved it';
  expect(lines).toEqual(says === null ? [] : [{ level: 50, request: key, lacks, msg }]);
});

test('each turn looks at what is watched, published, done by hand and to be rotated', async () => {
  const watched = await ask('a');
  await make();
  await t.db.query('update ruawatch.requests set ends_at = $1 where request_key = $2', ['2026-06-01T00:00:00Z', watched]);
  const published = await ask('b');
  await t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
     values ('example.com', 'b.example.com', 'TXT', 'dmarc', 'records', now(), now(), now(), '{}', '[]')`,
  );
  await t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
     values ('example.com', 'b.example.com', 'TXT', 'dmarc', 'x', now(), now(), '{}')`,
  );
  const byHand = await ask('', {
    kind: 'rights.reduce',
    domain: '*',
    changes: [
      {
        target: 'manual',
        what: 'a key',
        before: 'there',
        after: 'gone',
        run: 'by hand',
        seen: { by: 'settings', id: 'key:primary', value: 'old' },
      },
    ],
  });
  await t.db.query("update ruawatch.requests set state = 'handed_over' where request_key = any($1)", [[published, byHand]]);
  await beginRotation(t.db, 'example.com', { person: 'zoe@example.com', why: 'old' }, NOW);
  await make();
  expect(await Promise.all([watched, published, byHand].map(stateOf))).toEqual(['done', 'done', 'done']);
  expect(await rotationsOf(t.db, 'example.com', 1)).toMatchObject([
    { waits_for: expect.stringMatching(/^The settings \(dkim\) have no keys/) },
  ]);
});
