import { expect, test } from 'vitest';
import { policySpans } from '../../../services/console/pages/policy-history.ts';

const on = (day: string, policy: string, reports: number) => ({ day, policy, reports });

test('spellings that say the same are one policy, and a day has the one that most reports found', () => {
  const spans = policySpans([
    on('2026-11-01', 'p=reject; sp=reject; np=reject', 3),
    on('2026-11-01', 'p=reject; adkim=r; aspf=r; pct=100', 2),
    on('2026-11-01', 'p=none', 1),
    on('2026-11-03', 'p=reject', 1),
    on('2026-11-04', 'p=none', 4),
    on('2026-11-04', 'p=reject', 2),
    on('2026-11-05', 'p=reject; sp=none', 1),
    on('2026-11-05', 'nothing to read', 9),
  ]);
  expect(spans.map(({ policy, from, to, reports, all }) => `${from} ${to} ${policy} ${reports}/${all}`)).toEqual([
    '2026-11-05 2026-11-05 p=reject; sp=none 1/1',
    '2026-11-04 2026-11-04 p=none 4/6',
    '2026-11-01 2026-11-03 p=reject 6/7',
  ]);
});

test('a day on which two policies are found alike has one of them, always the same', () => {
  const days = [on('2026-11-01', 'p=none', 1), on('2026-11-01', 'p=reject', 1)];
  expect(policySpans(days)).toEqual(policySpans([...days].reverse()));
  expect(policySpans([])).toEqual([]);
});
