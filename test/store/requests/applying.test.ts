import { afterEach, beforeEach, expect, test } from 'vitest';
import { awaited, toApply, watched } from '../../../services/store/requests/applying.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
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
