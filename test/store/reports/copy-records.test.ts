import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, transaction } from '../../../services/shared/runtime/db.ts';
import { copyLines, RecordCopy } from '../../../services/store/reports/copy-records.ts';
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

test('records that share an object are written as if they did not, whatever else differs', () => {
  const record = {
    source_ip: '192.0.2.1',
    source: '192.0.2.1',
    count: 1,
    auth: { dkim: [], spf: [] },
    reasons: [],
    disposition: 'none',
    dkim: 'pass',
    spf: 'pass',
    header_from: 'example.com',
    envelope_from: 'a.example',
    envelope_to: 'b.example',
    dkim_aligned: true,
    spf_aligned: true,
    forwarded: false,
    foreign_dkim: false,
    foreign_spf: false,
  };
  const others = {
    reasons: [{ type: 'forwarded', comment: null }],
    disposition: 'reject',
    dkim: 'fail',
    spf: 'fail',
    header_from: 'other.example',
    envelope_from: 'other.example',
    envelope_to: 'other.example',
    dkim_aligned: false,
    spf_aligned: false,
    forwarded: true,
    foreign_dkim: true,
    foreign_spf: true,
  };
  const lines = (records: object[], cache: WeakMap<object, never> | null) =>
    copyLines({ key: 1, n: 1, begin: 0 }, records as never, cache as never);
  for (const [name, value] of Object.entries(others)) {
    const two = [record, { ...record, [name]: value }];
    expect(lines(two, new WeakMap())).toBe(lines(two, null));
  }
  const same = [record, { ...record, count: 7, source_ip: null, source: 'other' }];
  expect(lines(same, new WeakMap())).toBe(lines(same, null));
});
