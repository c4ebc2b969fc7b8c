import { expect, test } from 'vitest';
import { emptySummary, summaryLines } from '../../../services/cli/terminal/import-text.ts';

const NEXT = 'Sources and findings follow when the analyzer runs: ruawatch start analyzer, or ruawatch start.';
const trouble = (n: number) => ({ file: `${n}.eml`, code: 'not_a_report', reason: `Reason ${n}.` });

test('an import of nothing says so', () => {
  expect(summaryLines(emptySummary())).toEqual([
    '0 mails and files: 0 reports with 0 records stored, 0 duplicates.',
    'There was no file to read under the given paths.',
    NEXT,
  ]);
});

test('what was stored is counted by its kind, and kinds that there are none of are left out', () => {
  const one = { ...emptySummary(), messages: 1, reports: 1, records: 1, duplicates: 1 };
  expect(summaryLines(one)).toEqual(['1 mail or file: 1 report with 1 record stored, 1 duplicate.', NEXT]);
  const each = { tls_reports: 1, failure_reports: 1, superseded: 1, known: 1, probe_reports: 1, probe_mails: 1 };
  expect(summaryLines({ ...one, ...each })).toEqual([
    '1 mail or file: 1 report with 1 record, 1 TLS report, 1 failure report stored, ' +
      '1 duplicate, 1 superseded (same identity, different content), 1 imported before.',
    '1 report of guard probe with 1 mail, kept apart (dmarc.probe_days).',
    NEXT,
  ]);
  const many = { messages: 1_200, reports: 1_100, records: 24_000, tls_reports: 2, failure_reports: 3, duplicates: 4 };
  expect(summaryLines({ ...emptySummary(), ...many, superseded: 5, known: 6 })).toEqual([
    '1,200 mails and files: 1,100 reports with 24,000 records, 2 TLS reports, 3 failure reports stored, ' +
      '4 duplicates, 5 superseded (same identity, different content), 6 imported before.',
    NEXT,
  ]);
});

test('of files that were left twenty are named, and where the others are, if they are kept', () => {
  const of = (many: number) => Array.from({ length: many }, (_, i) => trouble(i));
  const lines = (many: number) => of(many).map(({ file, code, reason }) => `  ${file}: ${code}: ${reason}`);
  const left = { skipped: of(21), ignored: of(20), quarantined: of(22), failed: of(1) };
  expect(summaryLines({ ...emptySummary(), messages: 1, ...left }).slice(1)).toEqual([
    '21 skipped:',
    ...lines(20),
    '  … and 1 more',
    '20 ignored:',
    ...lines(20),
    '22 quarantined:',
    ...lines(20),
    '  … and 2 more: ruawatch messages list --state quarantined',
    '1 failed:',
    ...lines(1),
    NEXT,
  ]);
});
