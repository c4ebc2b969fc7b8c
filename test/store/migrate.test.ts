import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '../../services/shared/db.ts';
import { checkSchema, migrate, readMigrations } from '../../services/store/migrate.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ empty: true });
});
afterAll(() => t.drop());

test('an empty database is refused by the check, with the command that mends it', async () => {
  await expect(checkSchema(t.db)).rejects.toMatchObject({
    code: 'database_older',
    message: expect.stringContaining('ruawatch migrate'),
  });
});

test('twenty processes migrate at once: each step is applied exactly once', async () => {
  const pools = Array.from({ length: 20 }, () => openPool(t.url, { max: 1 }));
  const applied = await Promise.all(pools.map((p) => migrate(p)));
  await Promise.all(pools.map((p) => p.end()));
  expect(applied.flat()).toHaveLength(readMigrations().length);
  expect(await migrate(t.db)).toEqual([]);
  expect(await checkSchema(t.db)).toBe(readMigrations().length);
});

test('a database newer than the program is refused with one clear sentence', async () => {
  await t.db.query("insert into ruawatch.migrations (version, name) values (9999, 'from_the_future')");
  await expect(migrate(t.db)).rejects.toMatchObject({ code: 'database_newer', message: expect.stringContaining('9999') });
  await expect(checkSchema(t.db)).rejects.toMatchObject({ code: 'database_newer' });
  await t.db.query('delete from ruawatch.migrations where version = 9999');
});

test('a failing migration leaves nothing behind', async () => {
  const broken = [
    ...readMigrations(),
    { version: readMigrations().length + 1, name: 'broken', sql: 'create table ruawatch.half (); select 1/0' },
  ];
  await expect(migrate(t.db, broken)).rejects.toThrow('division by zero');
  const { rows } = await t.db.query("select to_regclass('ruawatch.half') as half");
  expect(rows[0].half).toBeNull();
});
