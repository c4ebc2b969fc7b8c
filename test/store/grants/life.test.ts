import { afterEach, beforeEach, expect, test } from 'vitest';
import { planGrant } from '../../../services/requests/plans/grant.ts';
import {
  countUse,
  grantOf,
  grantsIn,
  listGrants,
  loadGrant,
  noteUsed,
  noteUses,
  sealedOf,
} from '../../../services/store/grants/grants.ts';
import {
  activateGrant,
  beginEnd,
  claimGrant,
  endGrant,
  grantsToApply,
  retryEnd,
  toEnd,
} from '../../../services/store/grants/life.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account, OF_REQUESTS } from '../../helpers/ledger.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const MS = 1 / 3_600_000;
type Act = [string, () => Promise<unknown>];

const ask = (rule: object = {}, part: { uses?: number; credential?: string; given?: string } = {}): Act => [
  `asked for, ${JSON.stringify({ ...rule, ...part })}`,
  () => {
    const { uses = null, credential = null, given = credential ?? undefined } = part;
    const plan = planGrant({
      kind: 'access.console',
      domain: '*',
      holder: 'zoe@example.com',
      holder_kind: 'person',
      groups: [],
      server: 'console',
      scope: { role: 'operator', domains: null },
      credential,
      seconds: 7200,
      uses,
      risk: 'low',
    });
    return openRequest(
      t.db,
      rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 99 }, ...rule }),
      {
        plan,
        requester: 'zoe@example.com',
        requester_kind: 'person',
        why: 'x',
        ...(given === undefined ? {} : { credential: given }),
      },
      START,
    );
  },
];
const claims = (key: number, at: number): Act => [
  `${key} is claimed after ${at} h`,
  async () => claimGrant(t.db, await loadGrant(t.db, key), later(at)),
];
const lends = (key: number, at: number, most: number | null, sealed?: string): Act => [
  `${key} is lent after ${at} h, until ${most} h at most`,
  async () =>
    activateGrant(
      t.db,
      await loadGrant(t.db, key),
      { answer: 'Lent.', most: most === null ? null : later(most), ...(sealed === undefined ? {} : { sealed }) },
      later(at),
    ),
];
const begins = (key: number, by?: string): Act => [
  `the end of ${key} begins`,
  async () =>
    beginEnd(t.db, await loadGrant(t.db, key), { reason: 'It is over.', ...(by === undefined ? {} : { by }) }, later(9)),
];
const ends = (key: number): Act => [
  `${key} has ended`,
  async () => endGrant(t.db, await loadGrant(t.db, key), 'Gone.', later(10)),
];
const state = (key: number, to: string): Act => [
  `somebody writes that request ${key} is ${to}`,
  () => t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, to]).then(() => null),
];
const lists: Act = [
  'to apply; to end after 9 h; asked; active; open, as people see them; all',
  async () => {
    const keys = (rows: { grant_key: number }[]) => rows.map(({ grant_key }) => grant_key);
    return [
      keys(await grantsToApply(t.db)),
      keys(await toEnd(t.db, later(9))),
      keys(await grantsIn(t.db, ['asked'])),
      keys(await grantsIn(t.db, ['active'])),
      keys(await listGrants(t.db, { open: true, limit: 9 })),
      keys(await listGrants(t.db, { open: false, limit: 3 })),
      keys(await listGrants(t.db, { open: false, domain: 'example.com', limit: 9 })),
    ];
  },
];

const STORIES: Record<string, () => Act[]> = {
  lent: () => [
    ask({ windows: [{ days: ['friday'], from: '08:00', to: '12:00' }], apply_within_hours: 3 }),
    lists,
    lends(1, 1, null),
    claims(1, 4),
    claims(1, 3),
    claims(1, 3 - MS),
    claims(1, 100),
    lends(1, 2, 4 + MS),
    lends(1, 2, 4),
    ask(),
    claims(2, 1),
    lends(2, 2, 4 - MS, 'sealed'),
    ask({ windows: [{ days: ['monday'], from: '08:00', to: '12:00' }] }),
    claims(3, 1),
    [
      'it is an emergency',
      () => t.db.query('update ruawatch.requests set emergency = true where request_key = 3').then(() => null),
    ],
    claims(3, 1),
    lends(3, 2, null),
    ask({ decide: 'people', ceiling: null, stages: [{ group: 'mail' }] }),
    claims(4, 1),
    ask(),
    ['it has no end', () => t.db.query('update ruawatch.requests set expires_at = null where request_key = 5').then(() => null)],
    claims(5, 1000),
    lists,
    ['of no grant', () => loadGrant(t.db, 99)],
    ['of a request for none', () => grantOf(t.db, 99)],
    ['another credential than the plan names', () => ask({}, { credential: 'a', given: 'b' })[1]()],
    ['a credential', () => ask({}, { credential: 'a' })[1]()],
  ],
  ended: () => [
    ask({ decide: 'people', ceiling: null, stages: [{ group: 'mail' }] }),
    begins(1, 'zoe@example.com'),
    begins(1),
    ends(1),
    ask(),
    begins(2),
    ask(),
    state(3, 'draft'),
    begins(3),
    ask(),
    claims(4, 1),
    begins(4),
    lists,
    ['it cannot be ended now', async () => retryEnd(t.db, await loadGrant(t.db, 4), 'Refused.', later(9 - 1 / 3600))],
    lists,
    ['nor then', async () => retryEnd(t.db, await loadGrant(t.db, 4), 'Refused.', later(9 - 1 / 3600))],
    lists,
    [
      'nor ever',
      async () => {
        for (let i = 0; i < 6; i++) await retryEnd(t.db, await loadGrant(t.db, 4), `No ${i}.`, later(9));
      },
    ],
    lends(4, 10, null),
    ends(4),
    ends(4),
    ['nor when it is over', async () => retryEnd(t.db, await loadGrant(t.db, 4), 'No.', later(9))],
    ask(),
    claims(5, 1),
    lends(5, 2, null, 'sealed'),
    begins(5, 'ben@example.com'),
    ['what its holder gets', () => sealedOf(t.db, 5)],
    ['it is counted', () => noteUses(t.db, 5, 4)],
    ['it never becomes less', () => noteUses(t.db, 5, 3)],
    ends(5),
    begins(5),
    lists,
  ],
};

test.each(Object.keys(STORIES))('what is written of a right: %s', async (name) => {
  const queries = {
    ...OF_REQUESTS,
    grant: `select grant_key, request_key, state, holder, scope, credential, seconds, uses, used, claimed_at, applied_at, ends_at, ran_ms, end_reason, end_since,
                   ended_at, answer, tries, retry_at, sealed from ruawatch.grants order by 1`,
  };
  const text = await account({ db: t.db, start: START, queries }, STORIES[name]!());
  await expect(text.replace(/ruawatch_lent_\w+/g, 'NAME')).toMatchFileSnapshot(`golden/${name}.txt`);
});

test('uses are counted while it lasts, and until none is left', async () => {
  const key = await ask({}, { uses: 2 })[1]();
  expect(key).toBe(1);
  expect(await countUse(t.db, 1)).toBe(false);
  await t.db.query(
    "update ruawatch.grants set state = 'active', applied_at = now(), ends_at = now() + interval '1 hour', sealed = 's'",
  );
  expect([await countUse(t.db, 1), await countUse(t.db, 1), await countUse(t.db, 1)]).toEqual([true, true, false]);
  expect(await sealedOf(t.db, 1)).toBe('s');
  expect(await sealedOf(t.db, 2)).toBeNull();
  const { name } = await loadGrant(t.db, 1);
  await noteUsed(t.db, [], START);
  await noteUsed(t.db, ['other'], START);
  const used = async () => (await t.db.query<{ at: Date }>('select last_used_at as at from ruawatch.grants')).rows[0]!.at;
  expect(await used()).not.toEqual(START);
  await noteUsed(t.db, [name], START);
  expect(await used()).toEqual(START);
  await t.db.query("update ruawatch.grants set ends_at = now() - interval '1 second', uses = null");
  expect(await countUse(t.db, 1)).toBe(false);
  expect(await sealedOf(t.db, 1)).toBeNull();
});
