import { expect, test } from 'vitest';
import { reportsStopped } from '../../../services/analyzer/rules/reports_stopped.ts';
import type { Confirmation } from '../../../services/store/domains/domains.ts';
import { ago, DOMAIN, onFile } from '../rows.ts';

const lost: Confirmation = {
  lost_since: new Date(`${ago(3)}T10:00:00Z`),
  last_checked: new Date(`${ago(0)}T10:00:00Z`),
  reason: 'its DMARC record is gone',
} as Confirmation;
const window = (confirmation: Confirmation | null, known: ReturnType<typeof onFile>[] = []) => ({
  domain: DOMAIN,
  confirmation,
  known,
});

test('a proof that is lost is a finding, since it was lost', () => {
  expect(reportsStopped.find(window(lost))).toMatchObject([
    { kind: 'reports_stopped', subject: DOMAIN, severity: 'high', first_day: ago(3), last_day: ago(0) },
  ]);
});

test('it is none while DNS proves the domain, was never asked, or has not been asked again', () => {
  expect(reportsStopped.find(window(null))).toEqual([]);
  expect(reportsStopped.find(window({ ...lost, lost_since: null }))).toEqual([]);
  expect(reportsStopped.find(window({ ...lost, last_checked: null }))).toEqual([]);
});

test('an open one keeps its first day, and ends when DNS leads the reports here again, not when nobody knows', () => {
  const open = onFile({ ...reportsStopped.find(window(lost))[0]!, first_day: ago(9) });
  expect(reportsStopped.find(window(lost, [open]))[0]).toMatchObject({ first_day: ago(9) });
  expect(reportsStopped.over(open, window(lost))).toBeNull();
  expect(reportsStopped.over(open, window(null))).toBeNull();
  expect(reportsStopped.over(open, window({ ...lost, lost_since: null }))).toEqual({ reason: 'dns_restored' });
});
