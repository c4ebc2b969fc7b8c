import { expect, test } from 'vitest';
import { commonest, currentPolicy } from '../../services/analyzer/policy.ts';
import { ago, policyDays } from './rows.ts';

const NONE = 'p=none';
const REJECT = 'p=reject; aspf=s';
const written = (p: string, aspf = 'r') => `p=${p}; sp=${p}; np=${p}; pct=100; t=n; adkim=r; aspf=${aspf}`;

test('nothing is known without reports', () => {
  expect(currentPolicy([])).toBeNull();
  expect(commonest([])).toBeNull();
});

test('of each reporter its newest word counts, and defaults are written out', () => {
  expect(currentPolicy(policyDays('a.example', [NONE, REJECT]))).toBe(written('reject', 's'));
});

test('tag by tag what most reporters saw; of equals the first in the alphabet', () => {
  const days = [
    ...policyDays('a.example', [NONE]),
    ...policyDays('b.example', [REJECT]),
    ...policyDays('c.example', ['p=reject']),
  ];
  expect(currentPolicy(days)).toBe(written('reject'));
  expect(currentPolicy([...days].reverse())).toBe(written('reject'));
  expect(commonest(['b', 'a', 'b', 'a'])).toBe('a');
});

test('reporters that have been silent for three days do not say what is published now', () => {
  const old = [...policyDays('a.example', [NONE], 3), ...policyDays('b.example', [NONE], 4)];
  expect(currentPolicy([...old, ...policyDays('c.example', [REJECT])])).toBe(written('reject', 's'));
  expect(currentPolicy([...policyDays('c.example', [REJECT]), ...old])).toBe(written('reject', 's'));
  const lately = [...policyDays('a.example', [NONE], 2), ...policyDays('b.example', [NONE], 1)];
  expect(currentPolicy([...lately, ...policyDays('c.example', [REJECT])])).toBe(written('none'));
});

test('of two words on one day the one of more reports counts, whatever the order', () => {
  const day = { day: ago(0), reporter: 'a.example' };
  const rows = [
    { ...day, policy: NONE, reports: 1 },
    { ...day, policy: REJECT, reports: 3 },
  ];
  expect(currentPolicy(rows)).toBe(written('reject', 's'));
  expect(currentPolicy(rows.reverse())).toBe(written('reject', 's'));
});
