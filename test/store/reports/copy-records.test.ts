import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, transaction } from '../../../services/shared/runtime/db.ts';
import { RecordCopy } from '../../../services/store/reports/copy-records.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ max: 1 });
});
afterAll(() => t.drop());

test('a COPY that is given up midway fails its transaction at once, and the connection is good for the next', async () => {
  const given = transaction(t.db, async (tx) => {
    const copy = new RecordCopy(tx);
    // Each row another: equal keys would end the COPY with an error of the server's.
    const rest = '2026-09-01\t192.0.2.1\t1\tnone\tpass\tpass\t\\N\t\\N\t\\N\t\\N\t{}\tt\tt\tf\tx\t\\N\t\\N\n';
    await copy.write(Array.from({ length: 2_000 }, (_, n) => `1\t${n}\t${rest}`).join(''));
    const error = new Error('the reader broke');
    await copy.abort(error);
    throw error;
  });
  await expect(given).rejects.toThrow('the reader broke');
  const { rows } = await t.db.query('select count(*) as n from ruawatch.records');
  expect(rows).toEqual([{ n: 0 }]);
});

test('a connection that is lost while the COPY waits for the server fails the write', async () => {
  const other = openPool(t.url, { max: 2 });
  const holder = await other.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table ruawatch.records in access exclusive mode');
    const given = transaction(t.db, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      const copy = new RecordCopy(tx);
      const written = copy.write(new Uint8Array(1024 * 1024).fill(0x61));
      await Promise.all([written, holder.query('select pg_terminate_backend($1)', [rows[0]!.pid])]);
    });
    await expect(given).rejects.toThrow(/terminat/);
  } finally {
    holder.release(true);
    await other.end();
  }
});
