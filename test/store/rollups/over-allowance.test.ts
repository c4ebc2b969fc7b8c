import { expect, onTestFinished, test } from 'vitest';
import { limitNames, overAllowance, type RollupChange } from '../../../services/store/rollups/over-allowance.ts';
import { testDatabase } from '../../helpers/database.ts';

const change = (key: number, records: number, rest: Partial<RollupChange> = {}): RollupChange => ({
  key,
  sign: 1,
  trust: 'ok',
  reporter: 'r.example',
  begin: 1_788_220_800,
  size: { records, messages: records, proven: 2_000, unproven: 100 },
  ...rest,
});

test('only reports with more records than their class may have names are over their allowance', () => {
  const over = overAllowance([
    change(1, 2_000),
    change(2, 2_001),
    change(3, 101, { trust: 'pending' }),
    change(4, 100, { trust: 'bad' }),
  ]);
  expect(over).toMatchObject({ keys: [2, 3], trusts: ['ok', 'pending'], allowances: [2_000, 100] });
});

test('a report that leaves and enters in one class is listed once, in two classes twice', () => {
  const { keys, trusts } = overAllowance([
    change(1, 5_000, { sign: -1, trust: 'pending' }),
    change(1, 5_000),
    change(1, 5_000, { sign: -1 }),
  ]);
  expect({ keys, trusts }).toEqual({ keys: [1, 1], trusts: ['pending', 'ok'] });
});

test('a report of an earlier version, without an allowance, is never over it', () => {
  expect(
    overAllowance([change(1, 9_999_999, { size: { records: 9_999_999, messages: 1, proven: null, unproven: null } })]).keys,
  ).toEqual([]);
});

test('without such reports the statement stays as it is; with them its parameters follow those before', () => {
  expect(limitNames(overAllowance([change(1, 1)]), 8)).toEqual({ cte: '', name: 'r.source', join: '', params: [] });
  const { cte, params } = limitNames(overAllowance([change(1, 5_000)]), 8);
  expect([...new Set(cte.match(/\$\d+/g))]).toEqual(['$8', '$9', '$10', '$11', '$12']);
  expect(params).toHaveLength(5);
});

test('the names of a report over its allowance are looked up, not compared with each record', async () => {
  const t = await testDatabase();
  onTestFinished(() => t.drop());
  const { cte, name, join, params } = limitNames(overAllowance([change(1, 5_000)]), 3);
  // As in the rollups: nothing is known of how many rows there are.
  const { rows } = await t.db.query<{ 'QUERY PLAN': string }>(
    `explain (verbose) with ${cte}counted as materialized (
       select ${name} as source from unnest($1::bigint[], $2::text[]) as s(key, trust)
         join ruawatch.reports p on p.report_key = s.key
         join ruawatch.records r on r.report_key = p.report_key and r.begin_at = p.begin_at ${join})
     select source, count(*) from counted group by 1`,
    [[1], ['ok'], ...params],
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('hashed SubPlan');
  expect(plan).not.toMatch(/listed\.name = /);
});
