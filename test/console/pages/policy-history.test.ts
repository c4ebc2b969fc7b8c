import { expect, test } from 'vitest';
import { path } from '../../../services/console/html.ts';
import { policySpans, policyTable } from '../../../services/console/pages/policy-history.ts';

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

test('a policy is told for the domain, for names below it, and for those that do not exist, where they differ', () => {
  const told = (policy: string) => policySpans([on('2026-11-01', policy, 1)]).map((span) => span.policy);
  expect(
    [
      'p=reject',
      'p=reject; sp=none',
      'p=reject; np=none',
      'p=reject; sp=none; np=reject',
      'p=none; sp=reject; np=reject',
      'sp=none',
    ].map(told),
  ).toEqual([
    ['p=reject'],
    ['p=reject; sp=none'],
    ['p=reject; np=none'],
    ['p=reject; sp=none; np=reject'],
    ['p=none; sp=reject'],
    [],
  ]);
});

test('the table of policies has the newest span first, and what it rests on', () => {
  const table = policyTable(
    policySpans([on('2026-11-02', 'p=reject', 3), on('2026-11-02', 'p=none', 1), on('2026-10-30', 'p=none', 1234)]),
  );
  const spans = [
    { policy: 'p=reject', from: '2026-11-02', to: '2026-11-02', reports: 3, reports_in_all: 4 },
    { policy: 'p=none', from: '2026-10-30', to: '2026-10-30', reports: 1234, reports_in_all: 1234 },
  ];
  expect([table.name, table.data()]).toEqual(['policies', spans]);
  expect(
    [...String(table.html(path`/`)).matchAll(/<t([hd]) [^>]*>(?:<time>)?([^<]*)/g)]
      .map(([, tag, text]) => `${tag} ${text}`)
      .slice(5),
  ).toEqual(
    spans.flatMap((one) => [
      `h ${one.policy}`,
      `d ${one.from}`,
      `d ${one.to}`,
      `d ${one.reports.toLocaleString('en')}`,
      `d ${one.reports_in_all.toLocaleString('en')}`,
    ]),
  );
});
