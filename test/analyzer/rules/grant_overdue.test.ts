import { afterEach, beforeEach, expect, test } from 'vitest';
import { findUnreadable } from '../../../services/analyzer/reading.ts';
import { noteStrays } from '../../../services/store/grants/strays.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { askForRole } from '../../helpers/lending.ts';
import { GROUPS } from '../../requests/sample.ts';
import { type Fixture, fixture } from '../fixture.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

test('a right that no grant is for and that cannot be ended is one too, until it is gone', async () => {
  const strays = [{ server: 'main', name: 'ruawatch_lent_x_0_y', answer: 'The server main answers: permission denied' }];
  const note = (since: number, more: Parameters<typeof noteStrays>[2]) =>
    noteStrays(f.t.db, 'access.database', more, new Date(Date.now() - since * 60_000));
  await note(1, { strays, silent: [] });
  expect(await findUnreadable(f.context)).toEqual([]);
  await f.t.db.query("update ruawatch.stray_rights set since = since - interval '2 minutes'");
  // A server that does not answer has what it had; one that answers says what is gone.
  await note(0, { strays: [], silent: ['main'] });
  expect(await findUnreadable(f.context)).toMatchObject([{ event: 'opened' }]);
  const [finding] = await f.findings('*');
  expect(finding!.evidence.facts).toMatchObject({ in_all: 1, grants: [{ key: null, holder: null, name: strays[0]!.name }] });
  expect((await f.t.db.query(finding!.evidence.query)).rowCount).toBe(1);
  await note(0, { strays: [], silent: [] });
  await findUnreadable(f.context);
  expect((await f.findings('*'))[0]).toMatchObject({ state: 'resolved' });
});

test.each([
  [
    'ends without confirmation',
    "state = 'ending', end_since = now() - interval '3 minutes', answer = 'The server main answers: no'",
  ],
  [
    'is over, and nothing ends it',
    "state = 'active', applied_at = now() - interval '2 hours', ends_at = now() - interval '3 minutes'",
  ],
])('a right that %s is one finding, until its target confirms its end', async (_, set) => {
  await syncGroups(f.t.db, { groups: GROUPS, deputies: [] });
  const server = {
    name: 'main',
    groups: ['readers'],
    for: [],
    services: [],
    logFolder: null,
    longestSeconds: 3600,
    risk: 'low' as const,
    connections: 1,
    url: () => '',
  };
  const { grant } = await askForRole(f.t.db, { server });
  await f.t.db.query("update ruawatch.grants set state = 'ending', end_since = now()");
  expect(await findUnreadable(f.context)).toEqual([]);
  await f.t.db.query(`update ruawatch.grants set ${set}`);
  expect(await findUnreadable(f.context)).toMatchObject([{ event: 'opened' }]);
  const [finding] = await f.findings('*');
  expect(finding).toMatchObject({ kind: 'grant_overdue', subject: '*', severity: 'high', state: 'open' });
  expect(finding!.evidence.facts).toMatchObject({ in_all: 1, grants: [{ holder: 'ada@example.com', name: grant.name }] });
  expect((await f.t.db.query(finding!.evidence.query)).rowCount).toBe(1);
  await f.t.db.query("update ruawatch.grants set state = 'ended', ended_at = now()");
  await findUnreadable(f.context);
  expect((await f.findings('*'))[0]).toMatchObject({ state: 'resolved' });
});
