import { afterEach, beforeEach, expect, test } from 'vitest';
import { findUnreadable } from '../../../services/analyzer/reading.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { checkReachable } from '../../../services/store/requests/sweep.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';
import { type Fixture, fixture } from '../fixture.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const people = async (groups: Record<string, string[]>) => {
  await syncGroups(f.t.db, { groups, deputies: [] });
  await checkReachable(f.t.db, f.context.clock.now());
};

test('a request that people leave is one finding, which ends when enough are there again', async () => {
  await people(GROUPS);
  const rules = rulesOf({ name: 'all', stages: [{ group: 'mail', need: 2, within_hours: 500 }, { group: 'security' }] });
  const given = { plan: planOf(), requester: 'ada@example.com', requester_kind: 'person' as const, why: 'x' };
  for (let i = 0; i < 2; i++) await openRequest(f.t.db, rules, given, f.context.clock.now());
  expect(await findUnreadable(f.context)).toEqual([]);
  await people({ ...GROUPS, mail: ['ada@example.com', 'ben@example.com'] });
  const events = await findUnreadable(f.context);
  expect(events).toMatchObject([{ event: 'opened' }]);
  const [finding] = await f.findings('*');
  expect(finding).toMatchObject({ kind: 'nobody_can_approve', subject: '*', severity: 'medium', state: 'open' });
  expect(finding!.evidence.facts).toMatchObject({
    in_all: 2,
    requests: [
      { key: 1, domain: 'example.com', groups: ['mail', 'security'] },
      { key: 2, domain: 'example.com', groups: ['mail', 'security'] },
    ],
  });
  expect((await f.t.db.query(finding!.evidence.query)).rowCount).toBe(2);
  expect(await findUnreadable(f.context)).toEqual([]);
  await people(GROUPS);
  await findUnreadable(f.context);
  expect((await f.findings('*'))[0]).toMatchObject({ state: 'resolved' });
});
