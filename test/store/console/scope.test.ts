import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { read, scopeOf, sees } from '../../../services/store/console/scope.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(`insert into ruawatch.domains (domain, state, how, since)
    select unnest(array['example.com', 'a.example.com', 'b.a.example.com', 'badexample.com', 'example.net']), 'own', 'added', now()`);
});
afterAll(() => t.drop());

const names = async (granted: string[] | null, sql = 'select domain from domains order by domain', values: unknown[] = []) => {
  const scope = granted === null ? { all: true, domains: [] } : await scopeOf(t.db, granted);
  return (await read<{ domain: string }>({ db: t.db, scope }, ['domains'], sql, values)).map(({ domain }) => domain);
};

test('a domain stands for the names below it, and for no other', async () => {
  expect(await names(['example.com'])).toEqual(['a.example.com', 'b.a.example.com', 'example.com']);
  expect(await names(['a.example.com'])).toEqual(['a.example.com', 'b.a.example.com']);
  expect(await names(['com'])).toContain('example.com');
  expect(await names([])).toEqual([]);
  expect(await names(null)).toHaveLength(5);
});

test('the rows of others are not there for any part of a query', async () => {
  const sql =
    ', other as (select * from domains where domain = $1) select domain from other union all select domain from domains';
  expect(await names(['a.example.com'], sql, ['example.net'])).toEqual(['a.example.com', 'b.a.example.com']);
});

test('what belongs to no domain is for those who see everything', async () => {
  const scope = await scopeOf(t.db, ['example.com']);
  await expect(read({ db: t.db, scope }, ['messages'], 'select 1')).rejects.toMatchObject({ code: 'not_yours' });
  expect(sees(scope, 'b.a.example.com')).toBe(true);
  expect(sees(scope, 'example.net')).toBe(false);
  expect(sees({ all: true, domains: [] }, '*')).toBe(true);
});

test('no other file of the console names a view with its schema', () => {
  const folder = path.resolve(import.meta.dirname, '../../../services/store/console');
  const files = readdirSync(folder).filter((name) => name !== 'scope.ts');
  expect(files.length).toBeGreaterThan(4);
  for (const name of files) expect(readFileSync(path.join(folder, name), 'utf8'), name).not.toMatch(/\bdmarc\.\w/);
});
