import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../services/shared/runtime/db.ts';
import { jsonInsert } from '../../services/store/json-insert.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ empty: true });
  await t.db.query(
    'create table public.things (id bigint primary key, hash bytea, name text, list jsonb, at timestamptz, ip inet, ok boolean)',
  );
});
afterAll(() => t.drop());

interface Thing {
  id: number;
  hash: string | null;
  name: string | null;
  list: unknown;
}

const insert = jsonInsert<Thing>(
  'public.things',
  {
    id: ['bigint', ({ id }) => id],
    hash: ['hex', ({ hash }) => hash],
    name: ['text', ({ name }) => name],
    list: ['jsonb', ({ list }) => list],
    at: ['timestamptz', () => '2026-09-01T00:00:00Z'],
    ip: ['inet', () => '192.0.2.1'],
    ok: ['boolean', ({ id }) => id === 1],
  },
  'on conflict (id) do update set name = excluded.name',
);

test('every column has the type and the value that its entry gives, in one statement for all rows', async () => {
  await transaction(t.db, (tx) =>
    insert(tx, [
      { id: 1, hash: '00ff', name: 'a\0\ud800', list: ['\0', { b: null }] },
      { id: 2, hash: null, name: null, list: [] },
    ]),
  );
  const { rows } = await t.db.query(
    "select *, encode(hash, 'hex') as hash, at = '2026-09-01 00:00+00' as at from public.things order by id",
  );
  expect(rows).toEqual([
    { id: 1, hash: '00ff', name: 'a\ufffd\ufffd', list: ['\ufffd', { b: null }], at: true, ip: '192.0.2.1', ok: true },
    { id: 2, hash: null, name: null, list: [], at: true, ip: '192.0.2.1', ok: false },
  ]);
});

test('what follows the rows decides about a conflict, and no rows are no statement', async () => {
  await transaction(t.db, (tx) => insert(tx, [{ id: 1, hash: null, name: 'again', list: [] }]));
  const { rows } = await t.db.query("select name, encode(hash, 'hex') as hash from public.things where id = 1");
  expect(rows).toEqual([{ name: 'again', hash: '00ff' }]);
  await insert({ query: () => expect.unreachable() } as never, []);
});
