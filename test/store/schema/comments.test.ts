import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
// @ts-expect-error a script without types
import { commentsOf } from '../../../scripts/comments.mjs';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const root = path.resolve(import.meta.dirname, '../../..');
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

test('data/schema-comments.json is what docs/schema.md says (node scripts/comments.mjs writes it)', () => {
  const wanted = commentsOf(readFileSync(path.join(root, 'docs/schema.md'), 'utf8'));
  expect(JSON.parse(readFileSync(path.join(root, 'data/schema-comments.json'), 'utf8'))).toEqual(wanted);
});

test('every view and every column has its comment', async () => {
  const { rows } = await t.db.query<{ view: string; column: string | null; said: string | null }>(
    `select c.relname as view, a.attname as column, case when a.attnum is null then obj_description(c.oid) else col_description(c.oid, a.attnum) end as said
       from pg_class c
       left join lateral (select null::name as attname, null::int2 as attnum union all
                          select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0) a on true
      where c.relnamespace = 'dmarc'::regnamespace and c.relkind = 'v'`,
  );
  const said: Record<string, { view: string | null; columns: Record<string, string | null> }> = {};
  for (const { view, column, said: text } of rows) {
    said[view] ??= { view: null, columns: {} };
    if (column === null) said[view].view = text;
    else said[view].columns[column] = text;
  }
  expect(said).toEqual(commentsOf(readFileSync(path.join(root, 'docs/schema.md'), 'utf8')));
});
