import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../../services/console/pages/index.ts';
import { hashPassword } from '../../../services/console/people/password.ts';
import { codeAt, newSecret, stepAt } from '../../../services/console/people/totp.ts';
import { findPerson } from '../../../services/store/console/people.ts';
import { beginSession, makeLink } from '../../../services/store/console/sessions.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

const PASSWORD = 'correct horse battery';
let c: TestConsole;
let hashed: string;
beforeAll(async () => {
  const routes = ROUTES.map((route) => ({ ...route, perMinute: 1000 }));
  c = await testConsole({ routes, perToken: 5 });
  hashed = await hashPassword(PASSWORD);
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) select unnest(array['example.com', 'example.net']), 'own', 'added', now()`,
  );
});
afterAll(() => c.close());

async function ada(role: 'viewer' | 'operator' | 'admin' = 'operator'): Promise<TestPerson> {
  const person = await c.person(role, null);
  await c.t.db.query('update ruawatch.people set password = $2 where name = $1', [person.name, hashed]);
  return person;
}

const tokenIn = (body: string) => /ruawatch_[\w-]{43}/.exec(body)?.[0];
const call = (token: string, url = '/api/v1/me') =>
  c.app.inject({ url, headers: { host: 'localhost', authorization: `Bearer ${token}` } });

test('a person makes a token for what it may and until it ends, sees it once, and revokes it', async () => {
  const person = await ada();
  const fields = { name: 'nightly export', scope: 'read', days: '7', domains: 'example.com', password: PASSWORD };
  const made = await person.post('/account/tokens', fields);
  expect(made.statusCode).toBe(200);
  const token = tokenIn(made.body)!;
  expect((await call(token)).json()).toMatchObject({ name: person.name, scopes: ['read'], domains: ['example.com'] });
  expect((await call(token, '/api/v1/domains/example.net')).statusCode).toBe(404);
  const account = await person.get('/account');
  expect(account.body).toContain('nightly export');
  expect(tokenIn(account.body)).toBeUndefined();
  const { rows } = await c.t.db.query<{ token_key: number; days: number }>(
    `select token_key, round(extract(epoch from ends_at - created_at) / 86400)::int as days from ruawatch.person_tokens where name = 'nightly export'`,
  );
  expect(rows[0]!.days).toBe(7);
  await person.post('/account/tokens/end', { key: String(rows[0]!.token_key) });
  expect((await call(token)).statusCode).toBe(401);
});

describe('a token ends with what it was made by', () => {
  const made = async (person: TestPerson, scope: string, more: Record<string, string> = {}) =>
    tokenIn((await person.post('/account/tokens', { name: 'x', scope, days: '1', password: PASSWORD, ...more })).body)!;
  const keyOf = async ({ name }: TestPerson) => (await findPerson(c.t.db, name))!.person_key;

  test('with a new password', async () => {
    const person = await ada();
    const token = await made(person, 'read');
    expect((await call(token)).statusCode).toBe(200);
    const link = await makeLink(c.t.db, await keyOf(person), 'password', c.context.clock.now());
    const chosen = 'another horse battery';
    expect((await c.stranger().post(`/link/${link}`, { password: chosen, again: chosen })).statusCode).toBe(303);
    expect((await call(token)).statusCode).toBe(401);
  });

  test('by signing out everywhere, and not by signing out', async () => {
    const person = await ada();
    const token = await made(person, 'read');
    const session = await beginSession(c.t.db, await keyOf(person), { address: '192.0.2.1', agent: null }, c.context.clock.now());
    await c.signedIn(session).post('/sign-out');
    expect((await call(token)).statusCode).toBe(200);
    await person.post('/sign-out', { everywhere: 'yes' });
    expect((await call(token)).statusCode).toBe(401);
  });

  test('with the code generator, where it decides', async () => {
    const person = await ada();
    const secret = newSecret();
    await c.t.db.query('update ruawatch.people set totp_secret = $2, totp_since = now() where name = $1', [person.name, secret]);
    const read = await made(person, 'read');
    const decides = await made(person, 'decide', { code: codeAt(secret, stepAt(c.context.clock.now())) });
    expect((await person.post('/account/codes/off', { password: PASSWORD })).headers.location).toBe('/account');
    expect([(await call(read)).statusCode, (await call(decides)).statusCode]).toEqual([200, 401]);
  });
});

test('an admin sees the tokens of all and ends them', async () => {
  const [person, root] = [await ada(), await ada('admin')];
  const made = await person.post('/account/tokens', { name: 'of others', scope: 'read', days: '7', password: PASSWORD });
  const token = tokenIn(made.body)!;
  const page = await root.get('/people');
  expect(page.body).toContain('of others');
  const { rows } = await c.t.db.query("select token_key from ruawatch.person_tokens where name = 'of others'");
  expect((await root.post('/people/tokens/end', { key: String(rows[0].token_key) })).statusCode).toBe(303);
  expect((await call(token)).statusCode).toBe(401);
});

test.each([
  ['the wrong password', { password: 'x' }, 403],
  ['no password', { password: '' }, 403],
  ['no scope', { scope: '' }, 400],
  ['a scope that is none', { scope: 'all' }, 400],
  ['more than a year', { days: '367' }, 400],
  ['no day', { days: '0' }, 400],
  ['no name', { name: ' ' }, 400],
  ['a domain that is none', { domains: 'exa mple' }, 400],
  ['deciding without a code generator', { scope: 'decide', days: '1' }, 409],
])('is not made with %s', async (_, more, status) => {
  const answer = await (await ada()).post('/account/tokens', {
    name: 'x',
    scope: 'read',
    days: '7',
    password: PASSWORD,
    ...more,
  });
  expect(answer.statusCode, answer.body).toBe(status);
  expect(tokenIn(answer.body)).toBeUndefined();
});

test('a viewer makes none that acts', async () => {
  const viewer = await ada('viewer');
  const answer = await viewer.post('/account/tokens', { name: 'x', scope: 'act', days: '7', password: PASSWORD });
  expect(answer.statusCode).toBe(403);
});

test('one that decides takes a code, once, and holds for a day', async () => {
  const person = await ada();
  const secret = newSecret();
  await c.t.db.query('update ruawatch.people set totp_secret = $2, totp_since = now() where name = $1', [person.name, secret]);
  const code = codeAt(secret, stepAt(c.context.clock.now()));
  const ask = (days: string, given: string) =>
    person.post('/account/tokens', { name: 'd', scope: 'decide', days, password: PASSWORD, code: given });
  expect((await ask('1', '000000')).statusCode).toBe(409);
  expect((await ask('1', code)).statusCode).toBe(200);
  expect((await ask('1', code)).statusCode).toBe(409);
  expect((await ask('2', codeAt(secret, stepAt(c.context.clock.now()) + 1))).statusCode).toBe(409);
});

test('each token has requests of its own a minute, and the next one does not pay for it', async () => {
  const person = await ada();
  const make = async () =>
    tokenIn((await person.post('/account/tokens', { name: 'busy', scope: 'read', days: '1', password: PASSWORD })).body)!;
  const [busy, other] = [await make(), await make()];
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await call(busy)).statusCode);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  const refused = await call(busy);
  expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await call(other)).headers['x-token-ratelimit-remaining']).toBe('4');
});
