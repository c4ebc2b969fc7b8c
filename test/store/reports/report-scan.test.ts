import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { type KeyRange, moveScan, nextRange, type ScanTable } from '../../../services/store/reports/report-scan.ts';
import { takeReportKeys } from '../../../services/store/reports/reports.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ max: 4 });
});
afterEach(() => t.drop());

const next = (table: ScanTable = 'enrichment') => transaction(t.db, (tx) => nextRange(tx, table));
const move = (range: KeyRange, last: number) => transaction(t.db, (tx) => moveScan(tx, 'enrichment', range, last));
/** Stores reports with these ids. @returns their keys, ascending */
async function reports(...ids: string[]): Promise<number[]> {
  const keys = await receive(
    t,
    ids.map((id) => reportMail(reportXml({ id }), { unique: id })),
  );
  await parseMessages(t.db, keys, { trust: trusting('off') });
  const { rows } = await t.db.query('select report_key from ruawatch.reports where report_id = any($1) order by 1', [ids]);
  return rows.map(({ report_key }) => report_key);
}

test('a scan goes piece by piece up to the newest report that it noted, then looks for newer ones', async () => {
  expect(await next()).toBe(false);
  const [first, , third] = (await reports('a', 'b', 'c')) as [number, number, number];
  expect(await next()).toBe(true);
  const range = { after: 0, upto: third };
  expect(await next()).toEqual(range);
  // Each scan has a position of its own.
  expect(await next('domain_scan')).toBe(true);
  await move(range, first);
  expect(await next()).toEqual({ after: first, upto: third });
  const [fourth] = (await reports('d')) as [number];
  expect(await next()).toEqual({ after: first, upto: third });
  await move(range, third);
  expect(await next()).toBe(true);
  expect(await next()).toEqual({ after: third, upto: fourth });
  await move({ after: third, upto: fourth }, fourth + 1);
  expect(await next()).toBe(false);
});

test('one scans at a time', async () => {
  await reports('a');
  await transaction(t.db, async (tx) => {
    expect(await nextRange(tx, 'enrichment')).toBe(true);
    expect(await next()).toBe(false);
  });
});

test('a report whose key was drawn before, and that is not committed yet, is waited for', async () => {
  const writer = await t.db.connect();
  try {
    await writer.query('begin; lock table ruawatch.reports in row exclusive mode');
    const [drawn] = (await takeReportKeys(writer, 1)) as [number];
    const [stored] = (await reports('a')) as [number];
    expect(drawn).toBeLessThan(stored);
    expect(await next()).toBe(true);
    expect(await next()).toBe(false);
    await writer.query('commit');
    expect(await next()).toEqual({ after: 0, upto: stored });
  } finally {
    writer.release();
  }
});

test('the scan stops before a report that is about to be verified', async () => {
  const [first, second, third] = (await reports('a', 'b', 'c')) as [number, number, number];
  const wait = (report: number, attempts: number) =>
    t.db.query('insert into ruawatch.trust_checks (message_key, report_key, attempts) values (1, $1, $2)', [report, attempts]);
  await wait(third, 0);
  // Its turn came, and nobody could tell: it may take long.
  await wait(first, 1);
  expect(await next()).toBe(true);
  expect(await next()).toEqual({ after: 0, upto: second });
});
