import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addPerson, changePerson, endPerson } from '../../../services/store/console/people.ts';
import * as tokens from '../../../services/store/console/tokens.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const NOW = new Date('2026-11-27T08:00:00Z');
const after = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
let t: TestDatabase;
let person_key: number;
let count = 0;
let name: string;
beforeAll(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(`insert into ruawatch.domains (domain, state, how, since)
    select unnest(array['example.com', 'a.example.com', 'b.a.example.com', 'example.net']), 'own', 'added', now()`);
});
beforeEach(async () => {
  name = `ada-${++count}`;
  person_key = await addPerson(t.db, { name, role: 'operator', domains: ['example.com'] }, 'test', NOW);
});
afterAll(() => t.drop());

const make = (more: Partial<tokens.NewToken> = {}) =>
  tokens.makeToken(
    t.db,
    { person_key, person: name, name: 'x', scopes: ['read'], domains: null, ends_at: after(24), ...more },
    'test',
    NOW,
  );

test('a token is its person until it ends, and the database has its hash only', async () => {
  const { token, token_key } = await make({ scopes: ['read', 'act'] });
  expect(tokens.isToken(token)).toBe(true);
  expect(await tokens.tokenVisitor(t.db, token, after(1))).toMatchObject({
    name,
    role: 'operator',
    token: { token_key, scopes: ['read', 'act'] },
  });
  expect(await tokens.tokenVisitor(t.db, token, after(24))).toBeNull();
  const { rows } = await t.db.query('select t::text as text from ruawatch.person_tokens t');
  expect(JSON.stringify(rows)).not.toContain(token.slice(9));
});

test.each(['', 'x', 'ruawatch_', `ruawatch_${'a'.repeat(43)}`, `RUAWATCH_${'a'.repeat(43)}`, `ruawatch_${'a'.repeat(44)}`])(
  '%j is nobody',
  async (text) => {
    expect(await tokens.tokenVisitor(t.db, text, NOW)).toBeNull();
  },
);

test('the last use is noted to within a minute', async () => {
  const { token } = await make();
  const used = async () => (await tokens.listTokens(t.db, person_key, NOW))[0]!.used_at;
  expect(await used()).toBeNull();
  await tokens.tokenVisitor(t.db, token, after(1));
  expect(await used()).toEqual(after(1));
  await tokens.tokenVisitor(t.db, token, new Date(after(1).getTime() + 30_000));
  expect(await used()).toEqual(after(1));
});

test.each([
  [null, ['example.com', 'a.example.com', 'b.a.example.com']],
  [['example.com'], ['example.com', 'a.example.com', 'b.a.example.com']],
  [['a.example.com'], ['a.example.com', 'b.a.example.com']],
  [['com'], ['example.com', 'a.example.com', 'b.a.example.com']],
  [['example.net'], []],
  [['xexample.com'], []],
])('for %j of somebody who sees example.com, it sees %j', async (domains, expected) => {
  const { token } = await make({ domains });
  const visitor = await tokens.tokenVisitor(t.db, token, NOW);
  expect(visitor!.scope.all).toBe(false);
  expect([...visitor!.scope.domains].sort()).toEqual([...expected].sort());
});

test('of somebody who sees everything, a token for a domain sees that one', async () => {
  const root = await addPerson(t.db, { name: `root-${count}`, role: 'admin', domains: null }, 'test', NOW);
  const { token } = await make({ person_key: root, domains: ['a.example.com'] });
  expect((await tokens.tokenVisitor(t.db, token, NOW))!.scope).toEqual({
    all: false,
    domains: ['a.example.com', 'b.a.example.com'],
  });
  const all = await make({ person_key: root });
  expect((await tokens.tokenVisitor(t.db, all.token, NOW))!.scope.all).toBe(true);
});

test.each([
  ['decide', 24, true],
  ['decide', 25, false],
  ['act', 24 * 366, true],
  ['read', 24 * 367, false],
] as const)('with the scope %s it may hold %i hours: %s', async (scope, hours, may) => {
  const made = make({ scopes: ['read', ...(scope === 'read' ? [] : [scope])], ends_at: after(hours) });
  if (may) await made;
  else await expect(made).rejects.toMatchObject({ code: 'token_too_long' });
});

test('it ends when it is revoked, by its own person alone', async () => {
  const { token, token_key } = await make();
  await expect(tokens.endToken(t.db, token_key, { person_key: person_key + 1000, by: 'eve' }, NOW)).rejects.toMatchObject({
    code: 'no_token',
  });
  expect(await tokens.tokenVisitor(t.db, token, NOW)).not.toBeNull();
  await tokens.endToken(t.db, token_key, { person_key, by: name }, NOW);
  expect(await tokens.tokenVisitor(t.db, token, NOW)).toBeNull();
  await expect(tokens.endToken(t.db, token_key, { person_key, by: name }, NOW)).rejects.toMatchObject({ code: 'no_token' });
  expect(await tokens.listTokens(t.db, person_key, NOW)).toEqual([]);
});

test('it ends with its person, and when the rights of the person change', async () => {
  const [removed, changed] = [await make(), await make()];
  const other = await addPerson(t.db, { name: `bob-${count}`, role: 'operator', domains: ['example.com'] }, 'test', NOW);
  const kept = await make({ person_key: other });
  await changePerson(t.db, name, { role: 'viewer', domains: ['example.com'] }, { by: 'root', now: NOW });
  expect(await tokens.tokenVisitor(t.db, changed.token, NOW)).toBeNull();
  const anew = await make();
  expect(await tokens.tokenVisitor(t.db, anew.token, NOW)).toMatchObject({ role: 'viewer' });
  await endPerson(t.db, name, 'root', NOW);
  for (const { token } of [removed, anew]) expect(await tokens.tokenVisitor(t.db, token, NOW)).toBeNull();
  expect(await tokens.tokenVisitor(t.db, kept.token, NOW)).not.toBeNull();
});
