import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Counted, countedRows, QUORUM } from '../../../services/store/analysis/counted.ts';
import { ROW_COUNTS } from '../../../services/store/rollups/source-counts.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

const DAY = '2026-05-01';
/** What counts of each reporter's messages of a source, some of which pass. */
async function counts(
  rows: [source: string, reporter: string, messages: number, passed: number][],
  counted: Partial<Counted> = {},
) {
  await t.db.query('delete from ruawatch.source_days');
  for (const [source, reporter, messages, passed] of rows) {
    const given: Record<string, unknown> = { domain: 'example.com', source, day: DAY, reporter, trust: 'ok', messages, passed };
    const zeros = ROW_COUNTS.filter((name) => name !== 'passed');
    await t.db.query(
      `insert into ruawatch.source_days (${[...Object.keys(given), ...zeros].join(', ')})
       values (${Object.keys(given)
         .map((_, n) => `$${n + 1}`)
         .join(', ')}, ${zeros.map(() => '0').join(', ')})`,
      Object.values(given),
    );
  }
  const reporters = [...new Set(rows.map(([, reporter]) => reporter))].filter((one) => one !== 'stranger');
  const { cte, params } = countedRows({ reporters, votes: QUORUM, from: DAY, to: DAY, ...counted }, 2);
  const { rows: result } = await t.db.query(
    `with ${cte} select source, reporter, messages, passed from counted where domain = $1 order by source, reporter`,
    ['example.com', ...params],
  );
  return result.map((row) => [row.source, row.reporter, row.messages, row.passed]);
}

test('where one reporter may decide alone, the rows of those that decide count as they are', async () => {
  const rows: Parameters<typeof counts>[0] = [
    ['s', 'a', 100, 90],
    ['s', 'stranger', 7, 7],
  ];
  expect(await counts(rows, { votes: 1 })).toEqual([['s', 'a', 100, 90]]);
});

test('where three must agree, a source of two does not count, and none has more than the third largest', async () => {
  expect(
    await counts([
      ['agreed', 'a', 1_000_000, 1_000_000],
      ['agreed', 'b', 50, 50],
      ['agreed', 'c', 10, 10],
      ['two', 'a', 100, 100],
      ['two', 'b', 100, 100],
    ]),
  ).toEqual([
    ['agreed', 'a', 10, 10],
    ['agreed', 'b', 10, 10],
    ['agreed', 'c', 10, 10],
  ]);
});

test('the majority decides what a source is: those that see it otherwise do not count', async () => {
  const rows: Parameters<typeof counts>[0] = [
    ['s', 'a', 10, 10],
    ['s', 'b', 10, 10],
    ['s', 'c', 10, 9],
    ['s', 'd', 10, 0],
  ];
  expect((await counts(rows)).map(([, reporter]) => reporter)).toEqual(['a', 'b', 'c']);
  // Three against three: nobody has the majority.
  const split: Parameters<typeof counts>[0] = [...rows, ['s', 'e', 10, 0], ['s', 'f', 10, 0]];
  expect(await counts(split)).toEqual([]);
});
