import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { planGrant } from '../../../services/requests/plans/grant.ts';
import { addPerson, approverOf, askerWith, changePerson, endPerson, nobodyYet } from '../../../services/store/console/people.ts';
import {
  addService,
  endServices,
  isServiceName,
  listServices,
  type NewService,
} from '../../../services/store/console/service-principals.ts';
import { makeToken, tokenVisitor } from '../../../services/store/console/tokens.ts';
import { dueGrants } from '../../../services/store/grants/due.ts';
import { ownersOfService, serviceMayHold } from '../../../services/store/grants/holders.ts';
import { decide, override, withdraw } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { GROUPS, rulesOf } from '../../requests/sample.ts';

let t: TestDatabase;
const [ADA, BEN, CLEO] = GROUPS.mail as [string, string, string];
const now = new Date();
const later = new Date(now.getTime() + 30 * 86_400_000);
const ci: NewService = { name: 'ci', owner: ADA, role: 'operator', domains: ['example.com'], ends_at: later };
const groups = (mail: string[]) => syncGroups(t.db, { groups: { mail }, deputies: [] });
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  await t.db.query('truncate ruawatch.people, ruawatch.requests cascade');
  await groups([ADA, BEN, CLEO]);
});

const given = { why: 'fine', via: 'test' };
const plan = (holder: string) =>
  planGrant({
    domain: '*',
    kind: 'access.database',
    holder,
    holder_kind: 'service',
    groups: [],
    server: 'main',
    scope: { group: 'readers' },
    seconds: 3600,
    uses: null,
    credential: null,
    risk: 'low',
  });
const PEOPLE = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
const ask = async () => {
  const key = (await openRequest(t.db, PEOPLE, { plan: plan('ci'), requester: 'ci', requester_kind: 'service', why: 'deploy' }))!;
  return { key, digest: (await loadRequest(t.db, key)).digest };
};
const tokenOf = (person_key: number, scopes: ('read' | 'decide' | 'request')[] = ['read'], ends_at = later) =>
  makeToken(t.db, { person_key, person: 'ci', name: 'job', scopes, domains: null, ends_at }, 'test', now);

test.each(['ci@example.com', 'approver', 'Onboarding', 'x', 'a b', 'playbook'])('%s is no name for one', (name) => {
  expect(isServiceName(name)).toBe(false);
});

test('it has an owner who is somebody, and an end', async () => {
  await expect(addService(t.db, { ...ci, owner: 'nobody@example.com' }, 'test', now)).rejects.toMatchObject({ code: 'no_owner' });
  const tooLong = new Date(now.getTime() + 367 * 86_400_000);
  await expect(addService(t.db, { ...ci, ends_at: tooLong }, 'test', now)).rejects.toMatchObject({ code: 'service_too_long' });
  await addService(t.db, ci, 'test', now);
  await expect(addService(t.db, ci, 'test', now)).rejects.toMatchObject({ code: 'person_exists' });
  expect(await listServices(t.db)).toMatchObject([{ name: 'ci', owner: ADA, role: 'operator', domains: ['example.com'] }]);
  // A service principal owns none, and is nobody who could sign in.
  await expect(addService(t.db, { ...ci, name: 'other', owner: 'ci' }, 'test', now)).rejects.toMatchObject({ code: 'no_owner' });
  expect(await nobodyYet(t.db)).toBe(true);
  await expect(changePerson(t.db, 'ci', { role: 'admin', domains: null }, { by: 'test', now })).rejects.toMatchObject({
    code: 'service_no_admin',
  });
});

test.each([
  "update ruawatch.people set role = 'admin'",
  "update ruawatch.people set email = 'ada@example.com'",
  "update ruawatch.people set name = 'ada@example.com'",
  "update ruawatch.people set password = 'x'",
  'update ruawatch.people set owner = null',
])('the database refuses: %s', async (sql) => {
  await addService(t.db, ci, 'test', now);
  await expect(t.db.query(`${sql} where kind = 'service'`)).rejects.toThrow(/people_service/);
});

test('it asks, and decides nothing, nor does its owner about what it asks for', async () => {
  const key = await addService(t.db, ci, 'test', now);
  expect(await askerWith(t.db, key)).toEqual({ requester: 'ci', requester_kind: 'service' });
  await expect(approverOf(t.db, key)).rejects.toMatchObject({ code: 'service_decides_nothing' });
  await expect(tokenOf(key, ['read', 'decide'])).rejects.toMatchObject({ code: 'service_decides_nothing' });
  const asked = await ask();
  await expect(
    decide(t.db, asked.key, { ...given, digest: asked.digest, person: 'ci', decision: 'approve' }),
  ).rejects.toMatchObject({
    code: 'requester',
  });
  await expect(
    decide(t.db, asked.key, { ...given, digest: asked.digest, person: ADA, decision: 'approve' }),
  ).rejects.toMatchObject({
    code: 'requester',
  });
  expect(await decide(t.db, asked.key, { ...given, digest: asked.digest, person: BEN, decision: 'approve' })).toBe('approved');
});

test('even in a group, as a deputy or by break-glass it decides nothing: the database refuses', async () => {
  await addService(t.db, { ...ci, owner: BEN }, 'test', now);
  // What settings refuse, written past them.
  await t.db.query("insert into ruawatch.approver_groups (name, person) values ('mail', 'ci')");
  const other = (await openRequest(t.db, PEOPLE, { plan: plan('ci'), requester: CLEO, requester_kind: 'person', why: 'x' }))!;
  const { digest } = await loadRequest(t.db, other);
  const vote = { ...given, digest, person: 'ci' };
  await expect(decide(t.db, other, { ...vote, decision: 'approve' })).rejects.toThrow(/never decide/);
  await expect(decide(t.db, other, { ...vote, decision: 'deny' })).rejects.toThrow(/never decide/);
  await expect(override(t.db, other, vote, { group: 'mail', ends_hours: 1, review: 'mail' })).rejects.toThrow(/never decide/);
  const days = [now.toISOString().slice(0, 10), later.toISOString().slice(0, 10)];
  await t.db.query("delete from ruawatch.approver_groups where person = 'ci'");
  await t.db.query('insert into ruawatch.deputies (person, deputy, from_on, to_on) values ($1, $2, $3, $4)', [
    ADA,
    'ci',
    ...days,
  ]);
  await expect(decide(t.db, other, { ...vote, decision: 'approve' })).rejects.toThrow(/never decide/);
  expect((await loadRequest(t.db, other)).state).toBe('pending');
});

test('a quorum that only its owner could complete is none', async () => {
  await groups([ADA, BEN]);
  await addService(t.db, ci, 'test', now);
  const two = rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }] });
  await expect(
    openRequest(t.db, two, { plan: plan('ci'), requester: 'ci', requester_kind: 'service', why: 'x' }),
  ).rejects.toMatchObject({ code: 'nobody_can_approve' });
});

test('an owner who is named by the account does not decide under the mail address', async () => {
  await groups([ADA, BEN, CLEO]);
  await addPerson(t.db, { name: 'ada', email: 'Ada@Example.com', role: 'viewer', domains: null }, 'test', now);
  await addService(t.db, { ...ci, owner: 'ada' }, 'test', now);
  expect((await ownersOfService(t.db, 'ci')).sort()).toEqual(['ada', ADA]);
  const asked = await ask();
  await expect(
    decide(t.db, asked.key, { ...given, digest: asked.digest, person: ADA, decision: 'approve' }),
  ).rejects.toMatchObject({
    code: 'requester',
  });
  // But withdraws it, as the principal itself does; others who are asked may, too.
  await withdraw(t.db, asked.key, { person: ADA, why: 'not now' });
});

test.each([
  [
    'its time',
    async () => t.db.query("update ruawatch.people set ends_at = now() - interval '1 second' where kind = 'service'"),
    /time is over/,
  ],
  ['its owner', async () => groups([BEN, CLEO]), /is not known any more/],
])('it ends with %s, at once for tokens and grants, and for good', async (_, end, why) => {
  const key = await addService(t.db, ci, 'test', now);
  const { token } = await tokenOf(key, ['read', 'request']);
  expect(await tokenVisitor(t.db, token, new Date())).toMatchObject({ name: 'ci', role: 'operator' });
  await expect(tokenOf(key, ['read'], new Date(later.getTime() + 1000))).rejects.toMatchObject({ code: 'token_too_long' });
  expect(await serviceMayHold(t.db, 'ci')).toBe(true);
  await ask();
  await t.db.query("update ruawatch.grants set state = 'active', applied_at = now(), ends_at = now() + interval '1 hour'");
  expect(await dueGrants(t.db, null)).toEqual([]);
  await end();
  expect(await tokenVisitor(t.db, token, new Date())).toBeNull();
  expect(await serviceMayHold(t.db, 'ci')).toBe(false);
  expect(await dueGrants(t.db, null)).toMatchObject([{ reason: 'The service principal ci has ended, or its owner is gone.' }]);
  expect(await endServices(t.db, null)).toEqual(['ci']);
  expect(await endServices(t.db, null)).toEqual([]);
  const { rows } = await t.db.query<{ body: string }>(
    "select body from dmarc.audit where body like '%service.end%' order by number desc limit 1",
  );
  expect(rows[0]!.body).toMatch(why);
  await groups([ADA, BEN, CLEO]);
  expect(await tokenVisitor(t.db, token, new Date())).toBeNull();
  expect(await serviceMayHold(t.db, 'ci')).toBe(false);
  // The name is free again, for another one.
  await addService(t.db, ci, 'test', now);
});

test('is removed as a person is', async () => {
  const key = await addService(t.db, ci, 'test', now);
  const { token } = await tokenOf(key);
  await endPerson(t.db, 'ci', 'test', now);
  expect(await tokenVisitor(t.db, token, new Date())).toBeNull();
  expect(await listServices(t.db)).toEqual([]);
});
