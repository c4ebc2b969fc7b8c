import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DemoIncident } from '../../services/cli/demo/world.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { type Archive, BOOKS, CORRECTED, fillArchive, LAB, PAY, STEADY, TODAY, type TrueRecord, WRONG } from './archive.ts';
import { promisedColumns, readDocument, sections, sqlBlocks } from './markdown.ts';

type Row = Record<string, unknown>;

const parts = sections(readDocument('queries.md'));
const questions = parts.filter(({ level }) => level === 2);
const preamble = sqlBlocks(parts[0]!.text);

/** What psql makes of a block: `\set name 'value'` defines, `:'name'` is the value as a literal. */
function asPsql(block: string): string {
  const values = new Map<string, string>();
  const sql = block.replace(/^\\set (\w+) '(.*)'\n/gm, (_, name: string, value: string) => {
    values.set(name, value);
    return '';
  });
  return sql.replace(/:'(\w+)'/g, (_, name: string) => `'${values.get(name)!.replaceAll("'", "''")}'`);
}

let t: TestDatabase;
let client: pg.PoolClient;
let archive: Archive;
beforeAll(async () => {
  t = await testDatabase();
  archive = await fillArchive(t);
  client = await t.db.connect();
  for (const sql of preamble) await client.query(sql);
});
afterAll(async () => {
  client?.release();
  await t?.drop();
});

/** The answer to question `n` on the archive's day. The clock is the only thing changed in the query. */
async function answer(n: number): Promise<Row[]> {
  const question = questions.find(({ title }) => title.startsWith(`${n}. `))!;
  const sql = asPsql(sqlBlocks(question.text)[0]!).replaceAll(/\bcurrent_date\b/g, `date '${TODAY}'`);
  const { rows } = await client.query<Row>(sql);
  return rows;
}

const daysAgo = (n: number): string => new Date(Date.parse(TODAY) - n * 86_400_000).toISOString().slice(0, 10);
const incident = (name: DemoIncident['name']): DemoIncident => archive.world.incidents.find((i) => i.name === name)!;
const truth = (test: (r: TrueRecord) => boolean, days = 30): TrueRecord[] =>
  archive.records.filter((r) => r.day >= daysAgo(days) && test(r));
const sum = (records: readonly TrueRecord[]): number => records.reduce((n, r) => n + r.count, 0);
const of = (rows: readonly Row[], key: string): number => rows.reduce((n, row) => n + Number(row[key] ?? 0), 0);
const groups = (records: readonly TrueRecord[], key: (r: TrueRecord) => string): Map<string, TrueRecord[]> =>
  Map.groupBy ? Map.groupBy(records, key) : byHand(records, key);

function byHand(records: readonly TrueRecord[], key: (r: TrueRecord) => string): Map<string, TrueRecord[]> {
  const map = new Map<string, TrueRecord[]>();
  for (const r of records) map.set(key(r), [...(map.get(key(r)) ?? []), r]);
  return map;
}
