import { afterAll, beforeAll, expect, test } from 'vitest';
import { planGrant } from '../../../services/requests/plans/grant.ts';
import { grantOf, loadGrant } from '../../../services/store/grants/grants.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { rulesOf } from '../../requests/sample.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('example.net', 'own', 'added', now())
       on conflict do nothing`,
  );
});
afterAll(() => c.close());

/** A right that a rule has approved; nobody applies it here. */
async function lend(holder: string, domain: string, why = 'to look'): Promise<number> {
  const plan = planGrant({
    domain,
    kind: 'access.console',
    holder,
    holder_kind: 'person',
    groups: [],
    server: 'console',
    scope: { role: 'viewer', domains: [domain] },
    seconds: 7200,
    uses: null,
    credential: null,
    risk: 'low',
  });
  const rules = rulesOf({ name: 'all', when: { kinds: ['access.console'] }, decide: 'automatic', ceiling: { per_day: 100 } });
  const request = await openRequest(c.t.db, rules, { plan, requester: holder, requester_kind: 'person', why });
  const { grant_key } = await grantOf(c.t.db, request!);
  await c.t.db.query(
    "update ruawatch.grants set state = 'active', applied_at = now(), ends_at = now() + interval '2 hours', last_used_at = now() where grant_key = $1",
    [grant_key],
  );
  await c.t.db.query("update ruawatch.requests set state = 'active', applied_at = now() where request_key = $1", [request]);
  return grant_key;
}

test('a page of rights and third parties, each as far as a person sees its domain', async () => {
  await lend('zoe@example.com', 'example.com', '<b>look</b>');
  await lend('max@example.net', 'example.net');
  await c.t.db.query(
    `insert into ruawatch.onboardings (request_key, domain, source, is_service, owner, expected_daily, contract_ends)
     select min(request_key), 'example.com', 'postbird.example', true, 'zoe@example.com', 500, '2027-01-31' from ruawatch.requests`,
  );
  const viewer = await c.person('viewer', ['example.com']);
  const { body, statusCode } = await viewer.get('/access');
  expect(statusCode).toBe(200);
  expect(body).toContain('the role viewer of the console for example.com');
  expect(body).toContain('&lt;b&gt;look&lt;/b&gt;');
  expect(body).not.toContain('max@example.net');
  expect(body).toMatch(/postbird\.example[\s\S]*2027-01-31/);
  // Not theirs, and they are no operator.
  expect(body).not.toContain('End right');
  const admin = await c.person('admin', null);
  expect((await admin.get('/access')).body).toMatch(/max@example\.net[\s\S]*End right/);
  const csv = await viewer.get('/access?format=csv&table=grants');
  expect(csv.body).toMatch(/zoe@example\.com/);
});

test('a right is ended by its holder and by operators of its domain, with a reason, and is kept among those that ended', async () => {
  const holder = await c.person('viewer', ['example.com']);
  const key = await lend(holder.name, 'example.com');
  expect((await holder.get('/access')).body).toContain(`End right ${key}`);
  expect((await holder.post(`/access/${key}/end`, { why: '' })).statusCode).toBe(400);
  expect((await holder.post(`/access/${key}/end`, { why: 'finished' })).statusCode).toBe(303);
  expect(await loadGrant(c.t.db, key)).toMatchObject({ state: 'ending', end_reason: `Ended by ${holder.name}: finished` });
  expect((await holder.post(`/access/${key}/end`, { why: 'again' })).statusCode).toBe(409);
  const acts = await c.t.db.query("select object, domain from ruawatch.console_acts where act = 'grant_end'");
  expect(acts.rows).toEqual([{ object: String(key), domain: 'example.com' }]);
  expect((await holder.get('/access?show=all')).body).toContain('finished');
  const other = await lend('zoe@example.com', 'example.com');
  expect((await holder.post(`/access/${other}/end`, { why: 'not mine' })).statusCode).toBe(403);
});
