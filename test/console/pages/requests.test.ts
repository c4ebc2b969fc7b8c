import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPerson, findPerson } from '../../../services/store/console/people.ts';
import type { TokenScope } from '../../../services/store/console/rights.ts';
import { beginSession } from '../../../services/store/console/sessions.ts';
import { makeToken } from '../../../services/store/console/tokens.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
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

test('a reason that both the requester and the plan give is told once', async () => {
  const { body } = await approvers[0]!.get(`/requests/${await open({ why: ['asked <for>', 'It sends your newsletter.'] })}`);
  expect(body.split('<li>asked &lt;for&gt;</li>')).toHaveLength(2);
  expect(body).toContain('<li>It sends your newsletter.</li>');
});

test('two people read what changes and approve it; the page says who decided and why', async () => {
  const key = await open({ warnings: ['It locks out the <newsletter>.'] });
  const [ada, ben] = approvers as [TestPerson, TestPerson];
  const { body } = await ada.get(`/requests/${key}`);
  expect(body).toContain('It locks out the &lt;newsletter&gt;.');
  expect(body).toContain('+ approved: mailer.example as a sender of example.com');
  expect(body).toContain('asked &lt;for&gt;');
  const digest = digestOn(body);
  const done = await ada.post(`/requests/${key}/approve`, { why: 'seen', digest });
  expect(done.headers.location).toBe(`/requests/${key}`);
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
  expect(refused.body).toContain('You made this request yourself');
  const stranger = await personWith('stranger@example.com');
  expect((await stranger.post(`/requests/${key}/deny`, { why: 'x', digest })).statusCode).toBe(409);
  for (const verb of ['approve', 'deny', 'withdraw', 'override']) {
    const link = await ada.get(`/requests/${key}/${verb}?why=x&digest=${digest}`);
    expect([link.statusCode, link.headers.location]).toEqual([303, `/requests/${key}`]);
  }
  expect((await loadRequest(c.t.db, key)).state).toBe('pending');
});

test('a reason that nobody can read is none', async () => {
  const key = await open();
  const [ada] = approvers as [TestPerson];
  const digest = digestOn((await ada.get(`/requests/${key}`)).body);
  for (const why of ['\u200b', ' \u2060\ufeff ', '\u3164', '\u00ad\u2800', '\u{e0041}'])
    expect((await ada.post(`/requests/${key}/approve`, { why, digest })).statusCode, JSON.stringify(why)).toBe(400);
  expect((await loadRequest(c.t.db, key)).state).toBe('pending');
});

test('a token that does not decide withdraws what its owner asked for, and nothing else', async () => {
  const program = await c.person('operator', ['example.com']);
  await personWith(GROUPS.mail[2]!);
  const bearer = async (name: string, scopes: TokenScope[]) => {
    const { person_key } = (await findPerson(c.t.db, name))!;
    const ends_at = new Date(Date.now() + 3_600_000);
    const { token } = await makeToken(
      c.t.db,
      { person_key, person: name, name: 'x', scopes, domains: null, ends_at },
      'test',
      new Date(),
    );
    return { headers: { authorization: `Bearer ${token}` } };
  };
  const end = async (key: number, name: string, scopes: TokenScope[]) =>
    (await c.stranger().api('POST', `/api/v1/requests/${key}/withdraw`, { why: 'not wanted' }, await bearer(name, scopes)))
      .statusCode;
  const [theirs, own, more] = [await open(), await open({ summary: 'Own.' }, program.name), await open({ summary: 'More.' })];
  expect(await end(theirs, 'cleo', ['request'])).toBe(409);
  expect((await loadRequest(c.t.db, theirs)).state).toBe('pending');
  expect(await end(own, program.name, ['request'])).toBe(200);
  expect(await end(more, 'cleo', ['request', 'decide'])).toBe(200);
  expect((await loadRequest(c.t.db, more)).state).toBe('withdrawn');
});

test('whoever has a hundred requests that wait opens no more by the API', async () => {
  const flood = await c.person('operator', ['example.com']);
  await putOwn(c.t.db, ['example.com'], 'added', { word: { by: 'test', why: 'x' }, now: new Date(), ignored: true });
  await c.t.db.query(
    `insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
     select kind, domain, summary, plan, digest, rule, $1, 'person', why, 'pending', now(), now()
       from ruawatch.requests, generate_series(1, 100) where request_key = $2`,
    [flood.name, await open()],
  );
  const body = { kind: 'sender.approve', domain: 'example.com', source: '192.0.2.0/24', why: 'x' };
  const answer = await flood.api('POST', '/api/v1/requests', body);
  expect([answer.statusCode, answer.json().code]).toEqual([409, 'too_many_open']);
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
  expect((await other.get('/requests?state=all')).body).toContain('There has never been a request.');
  expect((await other.get(`/requests/${key}`)).statusCode).toBe(404);
});
