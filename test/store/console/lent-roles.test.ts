import { afterEach, beforeEach, expect, test } from 'vitest';
import { consoleWorker } from '../../../services/applier/grants/console.ts';
import type { GrantMeans } from '../../../services/applier/grants/grant-kind.ts';
import { loadGrant } from '../../../services/store/grants/grants.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { type TestConsole, type TestPerson, testConsole } from '../../console/setup.ts';
import { askForGrant, makeActive } from '../../helpers/grants.ts';

let c: TestConsole;
let viewer: TestPerson;
const lend = async (role: string, domains: string[] | null, holder = viewer.name, seconds = 3600) => {
  const grant = await askForGrant(c.t.db, { kind: 'access.console', server: 'console', holder, scope: { role, domains } });
  await makeActive(c.t.db, grant, seconds);
  return grant;
};
const end = (grant: { grant_key: number; request_key: number }) =>
  beginEnd(c.t.db, grant, { reason: 'Ended by ben: done', by: 'ben' }, null);
beforeEach(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('example.net', 'own', 'added', now())`,
  );
  viewer = await c.person('viewer', ['example.net']);
});
afterEach(() => c.close());

test('lets its holder see and do more, on its domains alone, until the next request after its end', async () => {
  const [there, own] = [await c.finding('alignment_failure', 'example.com'), await c.finding('alignment_failure', 'example.net')];
  expect((await viewer.get(`/findings/${there}`)).statusCode).toBe(404);
  const grant = await lend('operator', ['example.com']);
  const page = await viewer.get(`/findings/${there}`);
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain(`/findings/${there}/acknowledge`);
  expect((await viewer.post(`/findings/${there}/acknowledge`, { why: 'seen' })).statusCode).toBe(303);
  expect((await loadGrant(c.t.db, grant.grant_key)) as object).toMatchObject({ state: 'active' });
  // Where they are a viewer, they still are.
  const other = await viewer.get(`/findings/${own}`);
  expect(other.statusCode).toBe(200);
  expect(other.body).not.toContain(`/findings/${own}/acknowledge`);
  expect((await viewer.post(`/findings/${own}/acknowledge`, { why: 'seen' })).statusCode).toBe(404);
  await end(grant);
  expect((await viewer.get(`/findings/${there}`)).statusCode).toBe(404);
  expect((await viewer.post(`/findings/${there}/snooze`, { why: 'x', for: '7' })).statusCode).toBe(403);
});

test('ends by its time, whether the applier has looked or not', async () => {
  const there = await c.finding('alignment_failure', 'example.com');
  await lend('viewer', ['example.com'], viewer.name, 1);
  expect((await viewer.get(`/findings/${there}`)).statusCode).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await viewer.get(`/findings/${there}`)).statusCode).toBe(404);
});

test("is nobody else's, does not count for tokens, and cannot be turned into a token", async () => {
  const there = await c.finding('alignment_failure', 'example.com');
  const stranger = await c.person('viewer', ['example.net']);
  await lend('operator', null);
  expect((await stranger.get(`/findings/${there}`)).statusCode).toBe(404);
  expect((await viewer.get('/health')).statusCode).toBe(200);
  const scopes = ['read', 'act'] as const;
  expect((await viewer.api('GET', `/api/v1/findings/${there}`, undefined, { scopes })).statusCode).toBe(404);
  expect((await viewer.api('POST', `/api/v1/findings/${there}/acknowledge`, { why: 'x' }, { scopes })).statusCode).toBe(403);
  const account = await viewer.get('/account');
  expect(account.body).not.toContain('value="act"');
});

test('of an admin is one: the page about people, and no more than that', async () => {
  expect((await viewer.get('/people')).statusCode).toBe(403);
  const grant = await lend('admin', null);
  expect((await viewer.get('/people')).statusCode).toBe(200);
  const { rows } = await c.t.db.query<{ last_used_at: Date | null }>('select last_used_at from dmarc.grants');
  expect(rows[0]!.last_used_at).not.toBeNull();
  await end(grant);
  expect((await viewer.get('/people')).statusCode).toBe(403);
});

test.each([
  ['asked for', 'asked'],
  ['ending', 'ending'],
  ['ended', 'ended'],
])('one that is %s counts for nothing', async (_, state) => {
  const there = await c.finding('alignment_failure', 'example.com');
  const { grant_key } = await lend('operator', null);
  await c.t.db.query('update ruawatch.grants set state = $2 where grant_key = $1', [grant_key, state]);
  expect((await viewer.get(`/findings/${there}`)).statusCode).toBe(404);
});

test('nothing is at a target: it is lent and ended by its row', async () => {
  const grant = await lend('viewer', null);
  const means = {} as GrantMeans;
  expect(await consoleWorker.apply(grant, means)).toMatchObject({ state: 'active' });
  expect(await consoleWorker.end(grant, means)).toMatchObject({ state: 'ended' });
  expect(consoleWorker.present).toBeUndefined();
});
