import { expect, test } from 'vitest';
import { listHistory, putOwn } from '../../../services/store/domains/domains.ts';

/** Nothing may be asked of it. */
const unused = {} as never;

test('nothing is asked of the database where no domain is put among the own ones', async () => {
  expect(await putOwn(unused, [], 'listed', { now: new Date(0), ignored: false })).toEqual([]);
});

test('without a domain whose history is to be listed, no transaction is begun', async () => {
  const asked: unknown[] = [];
  const empty = {
    query: async (sql: string) => {
      asked.push(sql);
      return { rows: [] };
    },
  } as never;
  expect(await listHistory(empty, '2026-09-01')).toEqual([]);
  expect(asked).toHaveLength(1);
});
