import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkTargets } from '../../../services/store/grants/targets.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { planOf, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

/** A grant of a database in this state. */
async function grant(server: string, state: string): Promise<void> {
  const rules = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 9 } });
  await openRequest(t.db, rules, { plan: planOf(), requester: 'zoe@example.com', requester_kind: 'person', why: 'x' });
  await t.db.query(
    `insert into ruawatch.grants (request_key, kind, domain, holder, holder_kind, groups, server, name, scope, seconds, state)
     select max(request_key), 'access.database', 'example.com', 'zoe@example.com', 'person', '{}', $1, 'role ' || max(request_key), '{}', 60, $2
       from ruawatch.requests`,
    [server, state],
  );
}

const databases = (...names: string[]) =>
  ({ databases: names.map((name) => ({ name })), dns: [], mail: [], providers: [], console: null }) as unknown as Parameters<
    typeof checkTargets
  >[1];

test.each(['applying', 'active', 'ending'])('a database with a grant that is %s cannot leave the settings', async (state) => {
  await grant('main', state);
  await expect(checkTargets(t.db, databases('main', 'other'))).resolves.toBeUndefined();
  await expect(checkTargets(t.db, databases('other'))).rejects.toMatchObject({
    code: 'target_lends',
    message: expect.stringMatching(/no longer have main, which still lends: put it back.*Its grants: 1\.$/),
  });
});

test.each(['asked', 'ended'])('one whose grants are all %s can', async (state) => {
  await grant('main', state);
  await expect(checkTargets(t.db, databases())).resolves.toBeUndefined();
});
