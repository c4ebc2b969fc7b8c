import { describe, expect, test } from 'vitest';
import { currentPolicy } from '../../../services/analyzer/policy.ts';
import { policyChange, policyChanges } from '../../../services/analyzer/rules/policy_change.ts';
import { parsePolicy } from '../../../services/shared/policy.ts';
import type { PolicyDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, domainWindow, onFile, policyDays, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const REJECT = 'p=reject; adkim=r; aspf=r';
const NONE = 'p=none; adkim=r; aspf=r';
/** `before` for ten days, then `after` for `days` days. */
const turn = (reporter: string, before: string, after: string, days: number, newest = 0): PolicyDay[] =>
  policyDays(reporter, [...Array(10).fill(before), ...Array(days).fill(after)], newest);
const find = (rows: PolicyDay[], known = domainWindow([]).known) =>
  policyChange.find(domainWindow([], { policyDays: rows, known }));

describe('policy_change', () => {
  test.each([
    [REJECT, NONE, 'high', 'p=reject → p=none'],
    ['p=reject', 'p=quarantine', 'medium', 'p=reject → p=quarantine'],
    ['p=reject; sp=reject', 'p=reject; sp=none', 'medium', 'sp=reject → sp=none'],
    ['p=reject', 'p=reject; np=none', 'medium', 'np=reject → np=none'],
    ['p=reject; pct=100', 'p=reject; pct=20', 'medium', 'pct=100 → pct=20'],
    ['p=reject; t=n', 'p=reject; t=y', 'medium', 't=n → t=y'],
    ['p=reject; adkim=s; aspf=s', 'p=reject', 'medium', 'adkim=s → adkim=r, aspf=s → aspf=r'],
  ])('%s to %s is a weakening', (before, after, severity, text) => {
    const [finding, ...more] = find([...turn('google.com', before, after, 3), ...turn('yahoo.com', before, after, 3)]);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity,
      first_day: ago(2),
      last_day: ago(0),
      evidence: { reporters: ['google.com', 'yahoo.com'] },
    });
    expect(wordsFor(finding).summary.endsWith(`: ${text}`)).toBe(true);
  });

  test('a strengthening is recorded as info', () => {
    const [finding] = find([...turn('google.com', NONE, REJECT, 3), ...turn('yahoo.com', NONE, REJECT, 3)]);
    expect(finding).toMatchObject({ severity: 'info', first_day: ago(2), last_day: ago(2) });
  });

  test('two spellings of one policy are no change, and each reporter is held against itself', () => {
    expect(
      find([
        ...turn('a', 'p=reject', 'p=reject; sp=reject; np=reject; adkim=r; aspf=r; pct=100; t=n', 3),
        ...turn('b', 'p=reject; sp=reject', 'p=reject', 3),
      ]),
    ).toEqual([]);
    const rows = [
      ...turn('a', 'p=reject; sp=reject', 'p=none; sp=none', 3),
      ...turn('b', 'p=reject', 'p=none', 3),
      ...turn('c', 'p=reject; sp=none', 'p=none; sp=none', 3),
    ];
    expect(find(rows)[0]!.evidence.tags).toEqual([{ tag: 'p', from: 'reject', to: 'none', since: ago(2) }]);
  });

  const silentCases: [string, PolicyDay[]][] = [
    ['one reporter of three', [...turn('a', REJECT, NONE, 3), ...turn('b', REJECT, REJECT, 3), ...turn('c', REJECT, REJECT, 3)]],
    ['the only reporter, on one day', turn('a', REJECT, NONE, 1)],
    [
      'two against five that go on seeing the old',
      [
        ...turn('a', REJECT, NONE, 5),
        ...turn('b', REJECT, NONE, 5),
        ...['c', 'd', 'e', 'f', 'g'].flatMap((r) => turn(r, REJECT, REJECT, 5)),
      ],
    ],
    ['values the standard does not have', [...turn('a', REJECT, 'p=monitor', 3), ...turn('b', REJECT, 'p=monitor', 3)]],
    ['reporters that never knew another policy', [...turn('a', NONE, NONE, 3), ...turn('b', NONE, NONE, 3)]],
  ];
  test.each(silentCases)('is silent about %s', (_, rows) => {
    expect(find(rows)).toEqual([]);
  });

  test('the only reporter is believed on the second day', () => {
    expect(find(turn('a', REJECT, NONE, 2))[0]).toMatchObject({ severity: 'high', first_day: ago(1) });
  });

  test('stale and silent reporters do not hide it, nor does a day that shows both', () => {
    const rows = [
      ...turn('a', REJECT, NONE, 4),
      ...turn('b', REJECT, NONE, 3),
      { day: ago(3), reporter: 'a', policy: REJECT, reports: 1 },
      ...turn('stale', REJECT, REJECT, 4),
      ...turn('silent', REJECT, REJECT, 4, 6),
      ...policyDays('new', [NONE, NONE]),
    ];
    expect(find(rows)[0]).toMatchObject({ first_day: ago(2), evidence: { reporters: ['a', 'b'] } });
  });

  test('it stays open until the old strength is back, is told when it gets worse, and outlives its window', () => {
    const both = (...args: [string, string, number, number?]) => [...turn('a', ...args), ...turn('b', ...args)];
    const first = onFile(find(both('p=reject', 'p=quarantine', 3))[0]!, { first_day: ago(20) });
    first.evidence = { ...first.evidence, tags: [{ tag: 'p', from: 'reject', to: 'quarantine', since: ago(20) }] };
    const window = (rows: PolicyDay[]) => domainWindow([], { policyDays: rows, known: [first] });

    const worse = policyChange.find(window(both('p=quarantine', 'p=none', 3)))[0];
    expect(worse).toMatchObject({
      severity: 'high',
      evidence: { tags: [{ tag: 'p', from: 'reject', to: 'none', since: ago(20) }] },
    });

    const steady = window(both('p=quarantine', 'p=quarantine', 3));
    expect(policyChange.find(steady)).toHaveLength(1);
    expect(policyChange.over(first, steady)).toBeNull();

    const back = window(both('p=quarantine', 'p=reject', 3));
    expect(policyChange.find(back)).toEqual([]);
    expect(policyChange.over(first, back)).toEqual({ reason: 'policy_restored', tags: ['p=reject'], since: ago(2) });
  });
});

test('the defaults of absent tags', () => {
  expect(parsePolicy('p=Reject')).toEqual({ p: 'reject', sp: 'reject', np: 'reject', pct: '100', t: 'n', adkim: 'r', aspf: 'r' });
  expect(parsePolicy('')).toMatchObject({ p: null, sp: null });
});

test('the current policy is what most of the newest reporters saw', () => {
  const rows = [
    ...turn('a', REJECT, NONE, 2),
    ...turn('b', REJECT, 'p=none; sp=none', 2),
    ...['c', 'd', 'e'].flatMap((r) => turn(r, REJECT, REJECT, 2, 9)),
  ];
  expect(currentPolicy(rows)).toContain('p=none;');
  expect(currentPolicy([])).toBeNull();
});

describe('of changes that began on one day', () => {
  const of = (rows: PolicyDay[]) => policyChanges(rows).filter(({ tag }) => tag === 'p');
  const toward = (to: string, ...reporters: string[]) => reporters.flatMap((one) => turn(one, 'p=quarantine', to, 2));
  test.each([
    ['the one that more reporters saw is told', ['a', 'b', 'c'], ['d', 'e'], 'reject'],
    ['whichever was seen first', ['d', 'e'], ['a', 'b', 'c'], 'none'],
  ])('%s', (_, reject, none, to) => {
    const changes = of([...toward('p=reject', ...reject), ...toward('p=none', ...none)]);
    expect(changes).toEqual([{ tag: 'p', from: 'quarantine', to, since: ago(1), last_day: ago(0), reporters: ['a', 'b', 'c'] }]);
  });
  test('the newer one is told, whoever saw it', () => {
    const rows = [...toward('p=reject', 'a', 'b', 'c'), ...['d', 'e'].flatMap((one) => turn(one, 'p=quarantine', 'p=none', 1))];
    expect(of(rows).map(({ to, since }) => [to, since])).toEqual([['none', ago(0)]]);
  });
  test('days are read in their order, and of two policies of one day the first in the alphabet is first', () => {
    const line = (reporter: string) => [
      ...policyDays(reporter, Array(5).fill('p=reject'), 2),
      ...policyDays(reporter, ['p=reject', 'p=none'], 0),
      ...policyDays(reporter, ['p=none'], 1),
    ];
    const rows = [...line('a'), ...line('b')];
    const changes = [{ tag: 'p', from: 'reject', to: 'none', since: ago(1), last_day: ago(0), reporters: ['a', 'b'] }];
    expect(of(rows)).toEqual(changes);
    expect(of([...rows].reverse())).toEqual(changes);
  });
});

test('what it says of invented domains is as it was', () => expectLives('policy_change'));
