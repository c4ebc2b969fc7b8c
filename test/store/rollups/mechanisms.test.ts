import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, type TestReport, type TestRow, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const mail = (report: TestReport, unique: string) => reportMail(reportXml(report), { unique });
const FAIL = { dkim: 'fail', spf: 'fail' } as const;

async function sums(rows: TestRow[], domain = 'example.com') {
  await parseMessages(t.db, await receive(t, [mail({ domain, rows }, 'one')]), { trust: trusting('off') });
  const { rows: found } = await t.db.query<Record<string, number>>(
    'select dkim_broken as broken, failed_signed as signed, failed_list as list, spf_permerror as perm, spf_temperror as temp from ruawatch.source_days',
  );
  return found.reduce(
    (sum, row) => Object.fromEntries(Object.entries(row).map(([name, n]) => [name, n + (sum[name] ?? 0)])),
    {} as Record<string, number>,
  );
}

const NONE = { broken: 0, signed: 0, list: 0, perm: 0, temp: 0 };
const cases: [string, TestRow, Partial<typeof NONE>][] = [
  ['all passes', {}, {}],
  ['a broken signature that SPF hides', { auth_dkim: ['example.com', 'fail'] }, { broken: 1 }],
  ['a signature of a name below', { auth_dkim: ['mail.example.com', 'permerror'] }, { broken: 1 }],
  ['no signature', { auth_dkim: ['example.com', 'none'] }, {}],
  ['no signature at all', { auth_dkim: null }, {}],
  ['a stranger breaks its own', { auth_dkim: ['notexample.com', 'fail'] }, {}],
  [
    'a list that breaks it',
    { ...FAIL, auth_dkim: ['example.com', 'fail'], auth_spf: ['lists.list-host.org', 'pass'] },
    { broken: 1, signed: 1, list: 1 },
  ],
  ['a list by its envelope alone', { ...FAIL, auth_dkim: null, auth_spf: ['mailman.list-host.org', 'pass'] }, { list: 1 }],
  ["a service's bounces", { ...FAIL, auth_dkim: null, auth_spf: ['bounces.service.org', 'pass'] }, {}],
  ['a list that does not pass', { ...FAIL, auth_dkim: null, auth_spf: ['lists.list-host.org', 'fail'] }, {}],
  ['SPF in error', { auth_spf: ['example.com', 'permerror'], spf: 'fail' }, { perm: 1 }],
  ['SPF in error below', { auth_spf: ['bounce.example.com', 'temperror'], spf: 'fail' }, { temp: 1 }],
  ["a stranger's SPF in error", { auth_spf: ['stranger.org', 'permerror'], spf: 'fail' }, {}],
];
test.each(cases)('%s', async (_, row, expected) => {
  expect(await sums([{ ...row, count: 7 }])).toEqual({
    ...NONE,
    ...Object.fromEntries(Object.entries(expected).map(([name, n]) => [name, 7 * n])),
  });
});

test('a report that supersedes another takes out what that one brought in', async () => {
  const broken = (count: number): TestRow => ({
    count,
    ...FAIL,
    auth_dkim: ['example.com', 'fail'],
    auth_spf: ['lists.a.org', 'pass'],
  });
  await sums([broken(7), { auth_spf: ['example.com', 'permerror'], count: 5 }]);
  await parseMessages(t.db, await receive(t, [mail({ rows: [broken(3), { count: 100 }] }, 'two')]), { trust: trusting('off') });
  const { rows } = await t.db.query(
    `select sum(dkim_broken) as broken, sum(failed_signed) as signed, sum(failed_list) as list, sum(spf_permerror) as perm from ruawatch.source_days`,
  );
  expect(rows).toEqual([{ broken: 3, signed: 3, list: 3, perm: 0 }]);
});
