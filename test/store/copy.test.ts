import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../services/shared/db.ts';
import { RecordCopy } from '../../services/store/copy.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ max: 1 });
});
afterAll(() => t.drop());

test('a COPY that is given up midway fails its transaction at once, and the connection is good for the next', async () => {
  const given = transaction(t.db, async (tx) => {
    const copy = new RecordCopy(tx);
    await copy.write(
      '1\t1\t2026-09-01\t192.0.2.1\t1\tnone\tpass\tpass\t\\N\t\\N\t\\N\t\\N\t{}\tt\tt\tf\tx\t\\N\t\\N\n'.repeat(2_000),
    );
    const error = new Error('the reader broke');
    await copy.abort(error);
    throw error;
  });
  await expect(given).rejects.toThrow('the reader broke');
  const { rows } = await t.db.query('select count(*) as n from ruawatch.records');
  expect(rows).toEqual([{ n: 0 }]);
});
