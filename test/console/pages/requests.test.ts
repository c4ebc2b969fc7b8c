import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPerson } from '../../../services/store/console/people.ts';
import { beginSession } from '../../../services/store/console/sessions.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
const approvers: TestPerson[] = [];
beforeAll(async () => {
  c = await testConsole();
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
  for (const email of GROUPS.mail.slice(0, 2)) approvers.push(await personWith(email));
});
afterAll(() => c.close());

/** An operator of example.com with a mail address, signed in. */
async function personWith(email: string): Promise<TestPerson> {
  const key = await addPerson(
    c.t.db,
    { name: email.split('@')[0]!, email, role: 'operator', domains: ['example.com'] },
    'test',
    new Date(),
  );
  const session = await beginSession(c.t.db, key, { address: '192.0.2.1', agent: null }, new Date());
  return c.signedIn(session);
}

const open = async (part: Parameters<typeof planOf>[0] = {}, requester = 'zoe@example.com') =>
  (await openRequest(c.t.db, rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }] }), {
    plan: planOf(part),
    requester,
    requester_kind: 'person',
    why: 'asked <for>',
  }))!;
const digestOn = (body: string) => /name="digest" value="([0-9a-f]{64})"/.exec(body)![1]!;

test('two people read what changes and approve it; the page says who decided and why', async () => {
  const key = await open({ warnings: ['It locks out the <newsletter>.'] });
  const [ada, ben] = approvers as [TestPerson, TestPerson];
  const { body } = await ada.get(`/requests/${key}`);
  expect(body).toContain('It locks out the &lt;newsletter&gt;.');
  expect(body).toContain('+ approved: mailer.example as a sender of example.com');
  expect(body).toContain('asked &lt;for&gt;');
  const digest = digestOn(body);
  const done = await ada.post(`/requests/${key}/approve`, { why: 'seen', digest });
  expect(done.headers.location).toBe(`/requests/${key}?done=request_approve`);
  expect((await loadRequest(c.t.db, key)).state).toBe('pending');
  expect((await ada.post(`/requests/${key}/approve`, { why: 'again', digest })).statusCode).toBe(409);
  await ben.post(`/requests/${key}/approve`, { why: 'right', digest });
  expect((await loadRequest(c.t.db, key)).state).toBe('approved');
  const after = (await ben.get(`/requests/${key}`)).body;
  expect(after).toContain('ada@example.com');
  expect(after).toContain('approved, not applied yet');
  expect(after).not.toContain('name="digest"');
});

test('whoever asked, and whoever is not asked, does not decide; a link decides nothing', async () => {
  const key = await open({}, GROUPS.mail[0]);
  const [ada] = approvers as [TestPerson];
  const digest = digestOn((await ada.get(`/requests/${key}`)).body);
  const refused = await ada.post(`/requests/${key}/approve`, { why: 'mine', digest });
  expect(refused.statusCode).toBe(409);
  expect(refused.body).toContain('You asked for it yourself');
  const stranger = await personWith('stranger@example.com');
  expect((await stranger.post(`/requests/${key}/deny`, { why: 'x', digest })).statusCode).toBe(409);
  for (const verb of ['approve', 'deny', 'withdraw', 'override'])
    expect((await ada.get(`/requests/${key}/${verb}?why=x&digest=${digest}`)).statusCode).toBe(404);
  expect((await loadRequest(c.t.db, key)).state).toBe('pending');
});

test('a plan that is not the one that was shown is not approved', async () => {
  const key = await open();
  const [ada] = approvers as [TestPerson];
  expect((await ada.post(`/requests/${key}/approve`, { why: 'x', digest: '0'.repeat(64) })).statusCode).toBe(409);
  expect((await ada.post(`/requests/${key}/approve`, { why: 'x', digest: 'x' })).statusCode).toBe(400);
});

test('the list has the open ones of the domains that a person sees', async () => {
  const [ada] = approvers as [TestPerson];
  const key = await open();
  expect((await ada.get('/requests')).body).toContain(`/requests/${key}"`);
  const other = await c.person('admin', ['example.net']);
  expect((await other.get('/requests?state=all')).body).toContain('No request is open.');
  expect((await other.get(`/requests/${key}`)).statusCode).toBe(404);
});
