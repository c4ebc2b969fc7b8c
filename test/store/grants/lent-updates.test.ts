import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DnsChange, Plan } from '../../../services/requests/plan.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { useLentScope } from '../../../services/store/grants/lent-scope.ts';
import {
  domainsOfNames,
  intendUpdate,
  lentKeys,
  openUpdates,
  receiveUpdate,
  settleUpdate,
} from '../../../services/store/grants/lent-updates.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForGrant, makeActive } from '../../helpers/grants.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
  await t.db.query("insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now())");
});
afterEach(() => t.drop());

type Act = [string, () => Promise<unknown>];
const lend = async (use: 'key' | 'requests', scope: object = {}, holder = 'zoe@example.com') => {
  const grant = await askForGrant(t.db, {
    kind: 'access.dns',
    server: 'main',
    holder,
    scope: {
      use,
      zone: 'example.com',
      names: ['_acme-challenge.example.com'],
      types: ['TXT'],
      operations: ['add'],
      task: null,
      ...scope,
    } as never,
  });
  await makeActive(t.db, grant);
  return grant.grant_key;
};
const member = (text: string) => ({ text, wire: Buffer.from(text).toString('hex') });
const change = (before: string[], after: string[], more: Partial<DnsChange> = {}): DnsChange => ({
  target: 'dns',
  name: '_acme-challenge.example.com',
  type: 'TXT',
  ttl: { before: 60, after: 60 },
  before: before.map(member),
  after: after.map(member),
  ...more,
});
const use = (changes: Plan['changes'], holder = 'Zoe@example.com', holder_kind: 'person' | 'service' = 'person') =>
  transaction(t.db, (tx) => useLentScope(tx, { holder, holder_kind }, changes));

test('a change is within a right that is lent when all that it adds and deletes is', async () => {
  const adds = await lend('requests');
  await lend('key', { operations: ['add', 'delete'] });
  const outcomes = async (...given: Plan['changes'][]) => {
    const found: (number | null)[] = [];
    for (const changes of given) found.push(await use(changes));
    return found;
  };
  const sender = {
    target: 'senders',
    domain: 'example.com',
    source: 'x',
    is_service: false,
    before: null,
    after: 'approved',
    until: null,
  } as const;
  const add = change([], ['x']);
  const cases: Plan['changes'][] = [
    [add],
    [change(['a'], ['a', 'b'])],
    [],
    [sender],
    [add, sender],
    [change(['a'], ['a'])],
    [change(['a'], ['b'])],
    [change(['a'], [])],
    [add, change(['a'], [])],
    [change(['a'], ['a', 'b'], { ttl: { before: 60, after: 90 } })],
    [change(['a'], ['a', 'b'], { ttl: { before: null, after: 90 } })],
    [change([], ['b'], { ttl: { before: 60, after: 90 } })],
    [change([], ['x'], { name: 'other.example.com' })],
    [change([], ['x'], { name: 'other.example.com' }), add],
  ];
  expect(await outcomes(...cases)).toEqual([adds, adds, null, null, null, null, null, null, null, null, adds, adds, null, null]);
  const both = await lend('requests', { operations: ['add', 'delete'] });
  await t.db.query("update ruawatch.grants set ends_at = ends_at + interval '1 hour' where grant_key = $1", [both]);
  expect(await outcomes(...cases)).toEqual([adds, adds, null, null, null, null, both, both, both, both, adds, adds, null, null]);
  // Nobody else's, of no other kind, and not once its uses are gone.
  expect(await use([add], 'ben@example.com')).toBeNull();
  expect(await use([add], 'zoe@example.com', 'service')).toBeNull();
  await t.db.query('update ruawatch.grants set uses = used where grant_key = $1', [adds]);
  expect(await use([add])).toBe(both);
  await t.db.query("update ruawatch.grants set ends_at = now() - interval '1 second' where grant_key = $1", [both]);
  expect(await use([add])).toBeNull();
});

test('what is written of updates by a lent key', async () => {
  const key = await lend('key');
  await lend('requests');
  const receives = (mac: string, more: { over?: boolean; grant_key?: number } = {}): Act => [
    `a message ${mac} comes, ${JSON.stringify(more)}`,
    () => receiveUpdate(t.db, { grant_key: key, mac: Buffer.from(mac), client: '192.0.2.1', ...more }),
  ];
  const settles = (update: number, state: 'applied' | 'refused' | 'failed', rcode: number): Act => [
    `${update} is ${state}`,
    () => settleUpdate(t.db, update, { state, rcode, answer: `It is ${state}.` }),
  ];
  const intends = (update_key: number, grant_key = key): Act => [
    `${update_key} is intended`,
    () =>
      intendUpdate(t.db, { grant_key, update_key, target: 'main' }, [
        { name: 'a.example.com', type: 'TXT', before: [], after: [member('x')] },
        { name: 'b.example.com', type: 'CNAME', before: [member('y')], after: [] },
      ]),
  ];
  const acts: Act[] = [
    ['the keys', async () => (await lentKeys(t.db)).map(({ grant_key, over, credential }) => [grant_key, over, credential])],
    receives('a'),
    receives('a'),
    intends(1),
    settles(1, 'applied', 0),
    settles(1, 'failed', 2),
    receives('a'),
    receives('a', { over: true }),
    receives('b', { over: true }),
    receives('b', { grant_key: 99 }),
    receives('b'),
    intends(2),
    settles(2, 'refused', 5),
    receives('c'),
    intends(3),
    settles(3, 'failed', 2),
    ['open ones', () => openUpdates(t.db)],
    receives('d'),
    intends(4),
    receives('e'),
    [
      'they are a minute old',
      () => t.db.query("update ruawatch.lent_updates set received_at = received_at - interval '61 seconds'").then(() => null),
    ],
    ['open ones', () => openUpdates(t.db)],
    [
      'thirty more in this minute',
      async () => {
        const states = new Set<string>();
        for (let n = 0; n < 30; n++)
          states.add((await receiveUpdate(t.db, { grant_key: key, mac: Buffer.from(`m${n}`), client: 'c' })).state);
        await t.db.query("delete from ruawatch.lent_updates where client = 'c' and mac <> 'm0'");
        return [...states];
      },
    ],
    [
      'and one',
      async () => {
        for (let n = 0; n < 29; n++) await receiveUpdate(t.db, { grant_key: key, mac: Buffer.from(`n${n}`), client: 'c' });
        const state = await receiveUpdate(t.db, { grant_key: key, mac: Buffer.from('z'), client: 'c' });
        await t.db.query("delete from ruawatch.lent_updates where client = 'c'");
        return state;
      },
    ],
    [
      'it has no use left',
      () => t.db.query('update ruawatch.grants set uses = used where grant_key = $1', [key]).then(() => null),
    ],
    intends(5),
    ['the keys', async () => (await lentKeys(t.db)).map(({ grant_key, over }) => [grant_key, over])],
    [
      'it has ended',
      () =>
        t.db
          .query("update ruawatch.grants set ends_at = now() - interval '1 second' where grant_key = $1", [key])
          .then(() => null),
    ],
    receives('f'),
    ['domains of names', () => domainsOfNames(t.db, ['a.example.com', 'xexample.com', 'example.net'])],
    ['of none', () => domainsOfNames(t.db, ['com'])],
  ];
  const queries = {
    update:
      "select update_key, grant_key, encode(mac, 'escape') as mac, client, state, rcode, answer, settled_at is not null as settled from ruawatch.lent_updates order by 1",
    change:
      'select change_key, request_key, position, forward, target, name, before, after, state, answer, update_key from ruawatch.changes order by 1',
    grant: 'select grant_key, used from ruawatch.grants order by 1',
    audit: "select number, body::jsonb as body from ruawatch.audit where body like '%grant.update%' order by 1",
  };
  await expect(await account({ db: t.db, start: new Date(0), queries }, acts)).toMatchFileSnapshot('golden/lent-updates.txt');
});
