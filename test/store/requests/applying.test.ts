import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  awaited,
  changesOf,
  claim,
  endApplying,
  endAwaited,
  endWatch,
  mayBegin,
  noteTtl,
  published,
  settleChange,
  toApply,
  watched,
} from '../../../services/store/requests/applying.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account, OF_REQUESTS } from '../../helpers/ledger.ts';
import { planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

test.each([
  ['approved', [toApply, awaited]],
  ['applying', [toApply]],
  ['pending', [awaited]],
  ['handed_over', [awaited]],
  ['active', [watched]],
] as const)('of many requests that are %s, none is left out, and the oldest comes first', async (state, lists) => {
  const rules = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1 } });
  await openRequest(t.db, rules, { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person', why: 'x' });
  await t.db.query(
    `insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
     select kind, domain, summary, plan, digest, rule, requester, requester_kind, why, $1, created_at, changed_at
       from ruawatch.requests cross join generate_series(1, 1100)`,
    [state],
  );
  const applied = state === 'active' ? ', applied_at = changed_at' : '';
  await t.db.query(`update ruawatch.requests set state = $1${applied}`, [state]);
  for (const list of lists)
    expect((await list(t.db)).map(({ request_key }) => request_key)).toEqual(Array.from({ length: 1101 }, (_, n) => n + 1));
});

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];

/** Asks for something that a rule decides at once. */
const ask = (part: object = {}, at = 0): Act => [
  `asked for after ${at} h`,
  () =>
    openRequest(
      t.db,
      rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 99 }, ...part }),
      { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person', why: 'x' },
      later(at),
    ),
];
const sender = planOf().changes[0]!;
const record = {
  target: 'dns' as const,
  name: '_dmarc.example.com',
  type: 'TXT' as const,
  ttl: { before: 300, after: 60 },
  before: [{ text: 'v=DMARC1; p=none', wire: '00' }],
  after: [{ text: 'v=DMARC1; p=reject', wire: '01' }],
};
const CHANGES = [
  { position: 0, forward: true, target: 'senders', change: sender },
  { position: 1, forward: true, target: 'main', change: record },
  { position: 1, forward: false, target: 'main', change: record },
] as Parameters<typeof claim>[2];
const claimed = (key: number, at: number, changes = CHANGES): Act => [
  `${key} is claimed after ${at} h`,
  () => claim(t.db, key, changes, later(at)),
];
const begins = (key: number, ...at: number[]): Act => [
  `may the first change of ${key} be sent after ${at.map((one) => Math.round(one * 1e6) / 1e6).join(', ')} h`,
  async () => {
    const answers: string[] = [];
    for (const one of at) answers.push(await mayBegin(t.db, key, later(one)));
    return answers;
  },
];
const ends = (key: number, end: Parameters<typeof endApplying>[2], at: number): Act => [
  `${key} ends with ${JSON.stringify(end)}`,
  () => endApplying(t.db, key, end, later(at)),
];
const watch = (key: number, step: 'settle' | 'return', at: number): Act => [
  `the watch over ${key}: ${step}`,
  () => endWatch(t.db, key, { step, says: `It is over: ${step}.` }, later(at)),
];
const appears = (key: number, at: number, given?: Parameters<typeof endAwaited>[3]): Act => [
  `what ${key} asks for is published, ${JSON.stringify(given ?? {})}`,
  () => endAwaited(t.db, key, later(at), given),
];
const state = (key: number, to: string): Act => [
  `somebody writes that ${key} is ${to}`,
  () => t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, to]).then(() => null),
];
const lists: Act = [
  'to apply; watched; awaited',
  async () =>
    Promise.all([toApply, watched, awaited].map(async (list) => (await list(t.db)).map(({ request_key }) => request_key))),
];
const keysOf = (n: number, part: object = {}): Act[] => Array.from({ length: n }, () => ask(part));

const STORIES: Record<string, () => Act[]> = {
  claimed: () => [
    ask({ windows: [{ days: ['friday'], from: '08:00', to: '12:00' }] }),
    claimed(1, -MS),
    claimed(1, 4),
    claimed(1, 23),
    claimed(1, 4 - MS),
    claimed(1, 3),
    lists,
    ['its changes', () => changesOf(t.db, 1)],
    ['a TTL is noted', () => noteTtl(t.db, 1, 1, 300)],
    ['another', () => noteTtl(t.db, 1, 1, 600)],
    ['one is applied', () => settleChange(t.db, { key: 1, position: 0, forward: true }, { state: 'applied', answer: 'NOERROR' })],
    [
      'the other failed',
      () => settleChange(t.db, { key: 1, position: 1, forward: true }, { state: 'failed', answer: 'REFUSED' }),
    ],
    ['and again', () => settleChange(t.db, { key: 1, position: 1, forward: true }, { state: 'applied', answer: 'NOERROR' })],
    ['its TTL', () => noteTtl(t.db, 1, 0, 300)],
    begins(1, 3, 4 - MS, 4, 24, 24 + MS, 168),
    ask(),
    claimed(2, 24),
    claimed(2, 24 - MS, []),
    begins(2, 24, 24 + MS),
    ask({ apply_within_hours: 48 }),
    begins(3, 1),
    claimed(3, 24, []),
    begins(3, 48, 50, 50 + MS),
    ask({ apply_within_hours: 48 }),
    claimed(4, 24 + MS, []),
    begins(4, 48, 48 + MS, 50),
    ask({ windows: [{ days: ['monday'], from: '08:00', to: '12:00' }] }),
    claimed(5, 1, []),
    [
      'it is an emergency',
      () => t.db.query('update ruawatch.requests set emergency = true where request_key = 5').then(() => null),
    ],
    claimed(5, 1, []),
    begins(5, 1),
    ['it has no end', () => t.db.query('update ruawatch.requests set expires_at = null where request_key = 5').then(() => null)],
    begins(5, 1000),
    ask(),
    ['it has no end', () => t.db.query('update ruawatch.requests set expires_at = null where request_key = 6').then(() => null)],
    claimed(6, 1000, []),
    state(6, 'active'),
    claimed(6, 1000, []),
    begins(6, 1000),
  ],
  applied: () => [
    ...keysOf(6),
    ends(1, { step: 'finish', says: 'Applied.', watch_hours: 0 }, 2),
    ...[1, 2, 3, 4, 5, 6].map((key) => claimed(key, 1, [])),
    ends(1, { step: 'finish', says: 'Applied.', watch_hours: 0 }, 2),
    ends(1, { step: 'finish', says: 'Applied.', watch_hours: 0 }, 3),
    [
      'the watcher is to look later',
      () => t.db.query("update ruawatch.dns_watch set due_at = '2027-01-01' where domain = 'example.com'").then(() => null),
    ],
    ends(2, { step: 'hand_over', says: 'Published by hand.' }, 2),
    ends(3, { step: 'fail', says: 'Refused.' }, 2),
    ends(4, { step: 'outdate', says: 'It is another.' }, 2),
    ends(5, { step: 'activate', says: 'Applied and watched.', watch_hours: 48 }, 2),
    [
      'the watcher is to look before',
      () =>
        t.db.query("update ruawatch.dns_watch set due_at = '2026-11-27 09:00Z' where domain = 'example.com'").then(() => null),
    ],
    ends(6, { step: 'hand_over', says: 'A part of it.', partly: true }, 2),
    lists,
    watch(1, 'settle', 9),
    watch(2, 'return', 9),
    watch(6, 'settle', 9),
    watch(6, 'return', 9),
    watch(5, 'return', 9),
    ...[7, 8].flatMap((key): Act[] => [
      ask(),
      claimed(key, 1, []),
      ends(key, { step: 'activate', says: 'Watched.', watch_hours: 1 }, 2),
    ]),
    watch(7, 'settle', 9),
    [
      'the watcher is to look later',
      () => t.db.query("update ruawatch.dns_watch set due_at = '2027-01-01' where domain = 'example.com'").then(() => null),
    ],
    watch(8, 'return', 9),
  ],
  appeared: () => [
    ...keysOf(6),
    ...[1, 2, 3].map((key) => claimed(key, 1, [])),
    ends(1, { step: 'hand_over', says: 'By hand.' }, 2),
    ends(2, { step: 'hand_over', says: 'Partly.', partly: true }, 2),
    ends(3, { step: 'hand_over', says: 'Partly.', partly: true }, 2),
    appears(1, 3, { watch_hours: 5 }),
    appears(2, 3, { watch_hours: 5 }),
    appears(3, 3),
    appears(4, 3, { watch_hours: 5, says: 'It was there before.' }),
    state(5, 'pending'),
    appears(5, 3),
    state(6, 'applying'),
    appears(6, 3),
    appears(5, 4),
    ask(),
    claimed(7, 1, []),
    ends(7, { step: 'hand_over', says: 'Partly.', partly: true }, 2),
    appears(7, 3, { watch_hours: 1 }),
    lists,
  ],
};

test.each(Object.keys(STORIES))('%s', async (name) => {
  await t.db.query("insert into ruawatch.dns_watch (domain, due_at) values ('example.com', '2027-01-01') on conflict do nothing");
  const queries = {
    ...OF_REQUESTS,
    change:
      'select change_key, request_key, position, forward, target, name, before, after, state, answer, intended_at, ttl_before, settled_at is not null as settled from ruawatch.changes order by 1',
    watch: "select domain, due_at from ruawatch.dns_watch where domain = 'example.com'",
  };
  await expect(await account({ db: t.db, start: START, queries }, STORIES[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});

test('what the watcher sees at the names of a plan, since it was asked', async () => {
  const names = ['_dmarc.example.com', 'alias.example.com', 'none.example.com', 'old.example.com'];
  for (const [n, name] of names.entries())
    await t.db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, aliases, answered_at, state, asked_at, answers)
       values ('example.com', $1, 'TXT', 'dmarc', $2, $3, 'records', now(), '[]')`,
      [name, n === 1 ? ['a.example.net', 'b.example.net'] : [], later(n === 3 ? -MS : 0)],
    );
  await t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
     select 'example.com', name, 'TXT', 'dmarc', value, '{}', now(), now(), gone from (values ('_dmarc.example.com', 'v=DMARC1; p=none', null::timestamptz),
       ('_dmarc.example.com', 'v=DMARC1; p=reject', now()), ('old.example.com', 'x', null)) v(name, value, gone)`,
  );
  const changes = [...names, 'unknown.example.com'].map((name) => ({ ...record, name }));
  const seen = await published(t.db, planOf({ changes: [...changes, sender] }), START);
  expect([...seen].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ['_dmarc.example.com', { TXT: ['v=DMARC1; p=none'], aliases: [] }],
    ['alias.example.com', { TXT: [], aliases: ['a.example.net', 'b.example.net'] }],
    ['none.example.com', { TXT: [], aliases: [] }],
  ]);
});
