import { afterEach, beforeEach, expect, test } from 'vitest';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { askForGrant, makeActive } from '../../helpers/grants.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const ZOE = 'zoe@example.com';
const TWO = rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }] });
const record = {
  target: 'dns' as const,
  name: '_acme-challenge.example.com',
  type: 'TXT' as const,
  ttl: { before: null, after: 60 },
  before: [],
  after: [{ text: 'x', wire: '0178' }],
};

test('a right that is lent decides instead of a rule, for its holder and for a plan without a warning', async () => {
  const grant = await askForGrant(t.db, {
    kind: 'access.dns',
    server: 'main',
    holder: ZOE,
    scope: {
      use: 'requests',
      zone: 'example.com',
      names: [record.name],
      types: ['TXT'],
      operations: ['add'],
      task: null,
    } as never,
  });
  await makeActive(t.db, grant);
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const plan = planOf({ kind: 'dns.change', changes: [record] });
  const asked: number[] = [];
  const ask = async (part: object = {}) => {
    const key = await openRequest(
      t.db,
      TWO,
      {
        plan,
        requester: ZOE,
        requester_kind: 'person',
        why: 'x',
        also: async (_, request_key) => asked.push(request_key),
        ...part,
      },
      START,
    );
    const { state, rule, expires_at } = await loadRequest(t.db, key!);
    expect(asked.splice(0)).toEqual([key]);
    return { state, rule: rule.rule, decide: rule.decide, hours: (expires_at!.getTime() - START.getTime()) / 3_600_000 };
  };
  const lent = { state: 'approved', rule: `grant ${grant.grant_key}`, decide: 'automatic', hours: 1 };
  const asks = { state: 'pending', rule: 'two', decide: 'people', hours: 72 };
  expect(await ask()).toEqual(lent);
  expect(await ask({ plan: { ...plan, warnings: ['It breaks mail.'] } })).toEqual(asks);
  expect(await ask({ requester_kind: 'playbook' })).toEqual(asks);
  expect(await ask({ requester: 'yan@example.com' })).toEqual(asks);
  expect(await ask({ plan: planOf() })).toEqual(asks);
});
