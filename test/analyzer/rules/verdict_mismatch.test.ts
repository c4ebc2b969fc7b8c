import { expect, test } from 'vitest';
import { verdictMismatch } from '../../../services/analyzer/rules/verdict_mismatch.ts';
import { Attendance } from '../../../services/analyzer/statistics/habit.ts';
import { ago, DOMAIN, domainWindow, onFile, REPORTERS, reporterDays, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

/** Each reporter tells of a third of 300 messages a day, of which so many contradict themselves. */
function windowOf(contradicted: (reporter: string, daysAgo: number) => number) {
  const rows = reporterDays([], 300).map((row) => ({
    ...row,
    contradicted: contradicted(row.reporter, Math.round((Date.parse(ago(0)) - Date.parse(row.day)) / 86_400_000)),
  }));
  return domainWindow([], { reporterDays: rows, attendance: new Attendance(rows) });
}
const [broken] = REPORTERS as [string];

test('a reporter whose verdicts contradict its results since three days is told, with the rows', () => {
  const [finding, ...more] = verdictMismatch.find(windowOf((reporter, n) => (reporter === broken && n < 3 ? 100 : 0)));
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    subject: broken,
    severity: 'low',
    first_day: ago(2),
    last_day: ago(0),
    evidence: { messages: 300, of: 300, reporters: [broken] },
  });
  expect(finding!.evidence.query).toContain(`reporter = '${broken}'`);
  expect(wordsFor(finding).summary).toContain(DOMAIN);
});

test.each([
  ['one record of a hundred', () => 1],
  ['a reporter that always does', (reporter: string) => (reporter === broken ? 100 : 0)],
  ['one day of it', (reporter: string, n: number) => (reporter === broken && n === 1 ? 100 : 0)],
])('is silent about %s', (_, contradicted) => {
  expect(verdictMismatch.find(windowOf(contradicted))).toEqual([]);
});

test('it is over when the reporter has spoken on three days without', () => {
  const during = windowOf((reporter, n) => (reporter === broken && n >= 3 && n < 6 ? 100 : 0));
  const finding = onFile(verdictMismatch.find(during)[0]!);
  expect(verdictMismatch.over(finding, during)).toMatchObject({ reason: 'verdicts_agree', days: 3 });
  expect(
    verdictMismatch.over(
      finding,
      windowOf((reporter, n) => (reporter === broken && n >= 3 ? 100 : 0)),
    ),
  ).toMatchObject({ reason: 'verdicts_agree' });
  expect(verdictMismatch.over({ ...finding, last_day: ago(2) }, during)).toBeNull();
});

test('what it says of invented domains is as it was', () => expectLives('verdict_mismatch'));
