import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { codeOf } from '../../../services/shared/errors.ts';
import { openPool } from '../../../services/shared/runtime/db.ts';
import { checkSchema, migrate, readMigrations } from '../../../services/store/schema/migrate.ts';
import { prepareQueue } from '../../../services/store/schema/queue-schema.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { until } from '../../helpers/services.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ empty: true });
});
afterEach(() => t.drop());

test('an empty database is refused by the check, with the command that mends it', async () => {
  await expect(checkSchema(t.db)).rejects.toMatchObject({
    code: 'database_older',
    message: expect.stringContaining('ruawatch migrate'),
  });
});

test('twenty processes migrate at once: none fails, and each step is applied exactly once', async () => {
  const pools = Array.from({ length: 20 }, () => openPool(t.url, { max: 1 }));
  try {
    // All are connected when they begin: so they do meet at the very first table.
    await Promise.all(pools.map((p) => p.query('select')));
    const applied = await Promise.all(pools.map((p) => migrate(p)));
    expect(applied.flat()).toHaveLength(readMigrations().length);
  } finally {
    await Promise.all(pools.map((p) => p.end()));
  }
  expect(await migrate(t.db)).toEqual([]);
  expect(await checkSchema(t.db)).toBe(readMigrations().length);
});

test('twenty prepare the queue at once, and none fails', async () => {
  const place = { url: t.url, schema: 'some_queue', setting: 'DATABASE_URL' };
  const versions = await Promise.all(Array.from({ length: 20 }, () => prepareQueue(place)));
  expect(new Set(versions)).toEqual(new Set([await prepareQueue(place)]));
});

test('what another session makes at the same moment is waited for, also where only half of it shows', async () => {
  // Of a table that is just being made, Postgres refuses the twin as a relation, as a row of a catalog, or as
  // a type (42710).
  await t.db.query('create schema ruawatch; create type ruawatch.migrations as enum ()');
  const query = vi.spyOn(t.db, 'query');
  const migrating = migrate(t.db);
  await until(() => query.mock.settledResults.some(({ type, value }) => type === 'rejected' && codeOf(value) === '42710'));
  await t.db.query('drop type ruawatch.migrations');
  expect(await migrating).toHaveLength(readMigrations().length);
});

test('a migration that meets a running service in a deadlock comes again when the service is done', async () => {
  await migrate(t.db);
  const next = {
    version: readMigrations().length + 1,
    name: 'meets_a_service',
    sql: 'alter table ruawatch.messages add column met int; alter table ruawatch.reports add column met int',
  };
  const service = await t.db.connect();
  try {
    // The migration looks for a deadlock first, and is the one that Postgres refuses.
    await service.query("begin; set local deadlock_timeout = '1min'; lock table ruawatch.reports in row exclusive mode");
    const migrating = migrate(t.db, [...readMigrations(), next], { tries: 40, waitMs: 60_000 });
    await until(
      async () =>
        (await t.db.query("select from pg_locks where relation = 'ruawatch.reports'::regclass and not granted")).rowCount,
    );
    await service.query('lock table ruawatch.messages in row exclusive mode');
    await service.query('commit');
    expect(await migrating).toHaveLength(1);
  } finally {
    service.release();
  }
});

test('a database newer than the program is refused with one clear sentence', async () => {
  await migrate(t.db);
  await t.db.query("insert into ruawatch.migrations (version, name) values (9999, 'from_the_future')");
  await expect(migrate(t.db)).rejects.toMatchObject({ code: 'database_newer', message: expect.stringContaining('9999') });
  await expect(checkSchema(t.db)).rejects.toMatchObject({ code: 'database_newer' });
});

test('a failing migration leaves nothing behind', async () => {
  await migrate(t.db);
  const broken = [
    ...readMigrations(),
    { version: readMigrations().length + 1, name: 'broken', sql: 'create table ruawatch.half (); select 1/0' },
  ];
  await expect(migrate(t.db, broken)).rejects.toThrow('division by zero');
  const { rows } = await t.db.query("select to_regclass('ruawatch.half') as half");
  expect(rows[0].half).toBeNull();
});

test.each(['LATIN1', 'SQL_ASCII', 'WIN1252'])('a database in %s is refused before anything is made there', async (encoding) => {
  const name = `t_encoding_${encoding.toLowerCase()}_${process.pid}`;
  await t.db.query(`create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`);
  const url = new URL(t.url);
  url.pathname = `/${name}`;
  const db = openPool(url.href, { max: 1 });
  await expect(migrate(db)).rejects.toMatchObject({
    code: 'database_encoding',
    message: expect.stringMatching(`^The database in DATABASE_URL has the encoding ${encoding}, .*encoding 'UTF8'`),
  });
  const { rows } = await db.query("select nspname from pg_namespace where nspname in ('ruawatch', 'dmarc')");
  expect(rows).toEqual([]);
  await db.end();
  await t.db.query(`drop database ${name} with (force)`);
});

test.each([
  [['0001_a.sql', '0003_c.sql'], 'Migration 2 is missing or occurs twice; reinstall ruawatch.'],
  [['0001_a.sql', '0002_b.sql', '0002_c.sql'], 'Migration 3 is missing or occurs twice; reinstall ruawatch.'],
  [['0002_b.sql'], 'Migration 1 is missing or occurs twice; reinstall ruawatch.'],
])('an installation whose migrations are %j is refused', (files, message) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-migrations-'));
  try {
    for (const file of files) writeFileSync(path.join(folder, file), 'select 1');
    expect(() => readMigrations(folder)).toThrow(expect.objectContaining({ code: 'migrations_broken', message }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
