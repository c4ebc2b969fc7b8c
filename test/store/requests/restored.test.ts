import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuseUndecided, undecided } from '../../../services/store/requests/decided.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { endApprovals } from '../../../services/store/requests/restored.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForGrant, makeActive } from '../../helpers/grants.ts';
import { account, meanwhile, OF_REQUESTS } from '../../helpers/ledger.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
type Act = [string, () => Promise<unknown>];
const AUTO = rulesOf({ name: 'auto', decide: 'automatic', ceiling: { per_day: 99 } });
const PEOPLE = rulesOf({
  name: 'people',
  stages: [
    { group: 'mail', need: 2, remind_hours: null },
    { group: 'security', remind_hours: null },
  ],
});
const ask = async (state: string, rules = AUTO, more = '') => {
  const given = { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
  const key = (await openRequest(t.db, rules, given, START))!;
  await t.db.query(`update ruawatch.requests set state = $2${more} where request_key = $1`, [key, state]);
  return key;
};
const asked = (...given: Parameters<typeof ask>): Act => [`a request that is ${given[0]}${given[2] ?? ''}`, () => ask(...given)];

test('in an older copy of the database no approval counts, and what was under way has failed', async () => {
  const acts: Act[] = [
    asked('approved'),
    asked('applying'),
    asked('pending'),
    asked('active'),
    asked('approved', AUTO, ", kind = 'access.dns'"),
    asked('applying', AUTO, ", kind = 'access.dns'"),
    asked('applying', AUTO, ", kind = 'messages.release'"),
    asked('approved', AUTO, ", kind = 'messages.release'"),
    ['the copy is found', () => endApprovals(t.db, 'The database was restored.', later(2))],
    ['and again', () => endApprovals(t.db, 'The database was restored.', later(3))],
    asked('approved'),
    [
      'one that is withdrawn meanwhile',
      () =>
        meanwhile(t.db, "update ruawatch.requests set state = 'withdrawn' where request_key = 9", () =>
          endApprovals(t.db, 'The database was restored.', later(4)),
        ),
    ],
  ];
  const queries = OF_REQUESTS;
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/restored.txt');
});

test('what was not decided is ended, whoever wrote that it was', async () => {
  const refuse = (key: number): Act => [`${key} is refused`, () => refuseUndecided(t.db, key, 'It lacks a word.', later(2))];
  const acts: Act[] = [
    asked('approved', PEOPLE),
    refuse(1),
    refuse(1),
    asked('applying', PEOPLE),
    refuse(2),
    asked('approved', AUTO),
    refuse(3),
    asked('applying', AUTO, ', emergency = true'),
    refuse(4),
    asked('pending', PEOPLE),
    refuse(5),
  ];
  await expect(await account({ db: t.db, start: START, queries: OF_REQUESTS }, acts)).toMatchFileSnapshot('golden/refused.txt');
});

test('the words of people count about this plan, in their stage, and not those of who asks', async () => {
  const key = await ask('approved', PEOPLE);
  const request = await loadRequest(t.db, key);
  const lacks = () => undecided(t.db, request, null);
  const say = (person: string, stage: number, decision = 'approve', digest = request.digest) =>
    t.db.query(
      `insert into ruawatch.decisions (request_key, person, stage, decision, why, digest, via, at) values ($1, $2, $3, $4, 'x', $5, 'test', now())`,
      [key, person, stage, decision, digest],
    );
  const first = (n: number) => `Of the 2 people who had to approve this plan at stage 1, ${n} have.`;
  await say('zoe@example.com', 0);
  await say('ada@example.com', 0);
  await say('ben@example.com', 0, 'deny');
  await say('cleo@example.com', 0, 'approve', '0'.repeat(64));
  await say('dora@example.com', 1);
  expect(await lacks()).toBe(first(1));
  await say('gus@example.com', 0);
  expect(await lacks()).toBeNull();
  await t.db.query("delete from ruawatch.decisions where person = 'dora@example.com'");
  expect(await lacks()).toBe('Of the 1 people who had to approve this plan at stage 2, 0 have.');
  expect(await undecided(t.db, { ...request, emergency: true }, null)).toBe('Nobody has decided it by break-glass.');
  expect(await undecided(t.db, { ...request, rule: { ...request.rule, decide: 'automatic' } }, null)).toBeNull();
  expect(await undecided(t.db, { ...request, rule: { ...request.rule, decide: 'automatic' } }, PEOPLE)).toBe(
    'The settings have no rule "people" any more that decides this by itself. Ask again if it is still wanted.',
  );
});

test('a right that is lent decides for its holder, from the moment that it is lent', async () => {
  const request = await loadRequest(t.db, await ask('approved'));
  const grant = await askForGrant(t.db, {
    kind: 'access.dns',
    server: 'main',
    holder: request.requester,
    scope: {
      use: 'requests',
      zone: 'example.com',
      names: ['a.example.com'],
      types: ['TXT'],
      operations: ['add'],
      task: null,
    } as never,
  });
  const rule = { ...request.rule, rule: `grant ${grant.grant_key}` };
  const lacks = (more: Partial<typeof request> = {}) => undecided(t.db, { ...request, rule, ...more }, AUTO);
  const none = (who: string) => `There is no grant ${grant.grant_key} of ${who} that it could rest on.`;
  expect(await lacks()).toBe(none(request.requester));
  await makeActive(t.db, grant);
  expect(await lacks()).toBeNull();
  expect(await lacks({ requester: 'ada@example.com' })).toBe(none('ada@example.com'));
});
