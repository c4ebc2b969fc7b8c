import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPerson } from '../../services/store/console/people.ts';
import { TOKEN_SCOPES } from '../../services/store/console/rights.ts';
import { makeToken } from '../../services/store/console/tokens.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { type TestConsole, testConsole } from '../console/setup.ts';
import { GROUPS, rulesOf } from '../requests/sample.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/api.md'), 'utf8');
const recipes = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script]) => script!);
const folder = mkdtempSync(path.join(tmpdir(), 'recipes-'));
let c: TestConsole;
let env: Record<string, string>;

beforeAll(async () => {
  c = await testConsole();
  c.context.config.approvals.rules = rulesOf({ name: 'two', stages: [{ group: 'mail', need: 2 }] });
  await syncGroups(c.t.db, { groups: GROUPS, deputies: [] });
  await c.t.db.query(`insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now())`);
  await c.t.db.query(`insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
    select 'example.com', 's' || n || '.example', '2026-10-01', '2026-10-02', 5, 5, 's' || n || '.example' from generate_series(1, 5) n`);
  const finding = await c.finding('unauthorized_source', 'example.com', 'recipe.example');
  const person_key = await addPerson(c.t.db, { name: 'ada', role: 'operator', domains: ['example.com'] }, 'test', new Date());
  const ends_at = new Date(Date.now() + 3_600_000);
  const given = { person_key, person: 'ada', name: 'recipes', scopes: TOKEN_SCOPES, domains: null, ends_at };
  const { token } = await makeToken(c.t.db, given, 'test', new Date());
  await c.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = c.app.server.address() as AddressInfo;
  env = {
    PATH: process.env.PATH!,
    URL: `http://127.0.0.1:${port}`,
    TOKEN: token,
    DOMAIN: 'example.com',
    FINDING: String(finding),
  };
});
afterAll(() => c.close());

const run = async (n: number): Promise<string> =>
  (await promisify(execFile)('sh', ['-eu', '-c', recipes[n]!], { env, cwd: folder })).stdout;

test('there are five recipes', () => {
  expect(recipes).toHaveLength(5);
});
test('open findings', async () => {
  expect(JSON.parse(await run(0))).toEqual({ items: expect.any(Array), next: null });
});
test('each page of the sources', async () => {
  const pages = (await run(1))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { items: { source: string }[] });
  expect(pages.map(({ items }) => items.length)).toEqual([2, 2, 1]);
  expect(new Set(pages.flatMap(({ items }) => items.map(({ source }) => source))).size).toBe(5);
});
test('only what has changed', async () => {
  expect((await run(2)).trim()).toBe('200');
  expect((await run(2)).trim()).toBe('304');
  await c.finding('unauthorized_source', 'example.com', 'another.example');
  expect((await run(2)).trim()).toBe('200');
});
test('an acknowledged finding', async () => {
  expect(JSON.parse(await run(3))).toMatchObject({ acknowledged_by: 'ada', domain: 'example.com' });
});
test('a request', async () => {
  expect(JSON.parse(await run(4))).toMatchObject({ kind: 'sender.approve', state: 'pending', requester: 'ada' });
});
test('the scopes of the document are those of the program', () => {
  for (const scope of TOKEN_SCOPES) expect(text).toContain(`| \`${scope}\` |`);
});
