import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadRequestWeek } from '../../../services/store/alerts/request-week.ts';
import { auditHead } from '../../../services/store/requests/audit.ts';
import { override } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { ADA, BEN, DORA, dnsPlan, later, opened, STAGES, START, TWO, vote } from '../../alerter/requests/setup.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS } from '../../requests/sample.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const week = (domains: string[], since = START, until = later(24)) =>
  transaction(t.db, (tx) => loadRequestWeek(tx, { domains, since, until }));

test('a week of requests: what waits, how long decisions took, break-glass and the head, of the domains alone', async () => {
  expect(await week(['example.com'])).toBeNull();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const one = { name: 'one', stages: [{ group: 'mail' }] };
  await vote(t.db, await opened(t.db, one), ADA);
  await vote(t.db, await opened(t.db, one), BEN);
  await opened(t.db, STAGES);
  await opened(t.db, TWO, { plan: dnsPlan({ domain: 'other.example' }) });
  const key = await opened(t.db, TWO, { plan: dnsPlan({ domain: 'below.example.com' }) });
  const { digest } = await loadRequest(t.db, key);
  const emergency = { group: 'security', ends_hours: 4, review: 'mail' };
  await override(t.db, key, { person: DORA, why: 'on fire', digest, via: 'test', at: later(3) }, emergency);
  expect(await week(['example.com'])).toEqual({
    // With the review of the break-glass.
    waiting: 2,
    oldest: START,
    decided: 3,
    median_hours: 1,
    overrides: [{ request_key: key, domain: 'below.example.com', person: DORA, why: 'on fire', at: later(3) }],
    head: await auditHead(t.db),
  });
  expect(await week(['other.example'])).toMatchObject({ waiting: 1, decided: 0, median_hours: null, overrides: [] });
  expect(await week(['example.com'], later(24), later(48))).toMatchObject({ decided: 0, overrides: [], waiting: 2 });
});
