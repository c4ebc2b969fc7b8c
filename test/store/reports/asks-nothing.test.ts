import { expect, test } from 'vitest';
import { notePersonal } from '../../../services/store/reports/failure-report-retention.ts';
import { storeFailures } from '../../../services/store/reports/failure-reports.ts';
import { dropRecords } from '../../../services/store/reports/reports.ts';
import { storeTlsReports } from '../../../services/store/reports/tls-reports.ts';

/** Nothing may be asked of it. */
const unused = {} as never;

test('nothing is asked of the database about no report', async () => {
  expect(await storeTlsReports(unused, [])).toEqual([]);
  expect(await storeFailures(unused, [])).toEqual([]);
  await dropRecords(unused, []);
  await notePersonal(unused, [], true);
});
