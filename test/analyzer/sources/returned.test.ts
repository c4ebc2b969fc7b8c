import { expect, test } from 'vitest';
import { mayReturn, unsignedReturn } from '../../../services/analyzer/sources/returned.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, merged, REPORTERS, span } from '../rows.ts';

const source = '192.0.2.0/24';
const [ONE] = REPORTERS as [string];
const days = (from: number, to: number, kind: 'spf' | 'both' | 'unauthenticated', n: number) =>
  span(from, to, kind, n, [ONE], { source });
const of = (rows: readonly SourceDay[], past: readonly SourceDay[] = []) =>
  unsignedReturn({ source, sender: null, rows: merged(rows), past });

test('what came back without its signature, and what it was, wherever the window begins', () => {
  const [before, after] = [days(30, 20, 'both', 10), days(5, 0, 'spf', 7)];
  const back = { last_before: ago(20), since: ago(5), before: { passed: 110, dkim_aligned: 110 }, after: { passed: 42 } };
  expect(of([...before, ...after])).toMatchObject(back);
  expect(of([...after, ...before])).toMatchObject(back);
  expect(of(after, before)).toMatchObject(back);
  expect(of(after)).toBeNull();
});

test('counts the last silence alone, and half a year before it', () => {
  const again = [...days(60, 40, 'both', 10), ...days(20, 18, 'both', 10), ...days(1, 0, 'spf', 30)];
  expect(of(again)).toMatchObject({ last_before: ago(18), before: { passed: 240 } });
  // It once sent without a signature, longer ago than that.
  const old = (from: number) => [...days(from, from, 'spf', 500), ...days(40, 20, 'both', 10), ...days(1, 0, 'spf', 30)];
  expect([of(old(200)), of(old(201))].map((one) => one?.before.passed)).toEqual([undefined, 210]);
});

const limits: [string, SourceDay[], SourceDay[]][] = [
  [
    '14 days after the last mail, and 13',
    [...days(30, 14, 'both', 10), ...days(0, 0, 'spf', 40)],
    [...days(30, 13, 'both', 10), ...days(0, 0, 'spf', 40)],
  ],
  [
    'seven days before, and six',
    [...days(26, 20, 'both', 10), ...days(0, 0, 'spf', 40)],
    [...days(25, 20, 'both', 10), ...days(0, 0, 'spf', 40)],
  ],
  [
    '50 messages before, and 49',
    [...days(29, 20, 'both', 5), ...days(0, 0, 'spf', 40)],
    [...days(26, 20, 'both', 7), ...days(0, 0, 'spf', 40)],
  ],
  [
    '95 % signed before, and less',
    [...days(29, 20, 'both', 19), ...days(29, 20, 'spf', 1), ...days(0, 0, 'spf', 40)],
    [...days(29, 20, 'both', 18), ...days(29, 20, 'spf', 1), ...days(0, 0, 'spf', 40)],
  ],
  [
    'a tenth signed now, and more',
    [...days(29, 20, 'both', 10), ...days(0, 0, 'spf', 36), ...days(0, 0, 'both', 4)],
    [...days(29, 20, 'both', 10), ...days(0, 0, 'spf', 36), ...days(0, 0, 'both', 5)],
  ],
  [
    'a fifth fails now, and more',
    [...days(29, 20, 'both', 10), ...days(0, 0, 'spf', 40), ...days(0, 0, 'unauthenticated', 10)],
    [...days(29, 20, 'both', 10), ...days(0, 0, 'spf', 40), ...days(0, 0, 'unauthenticated', 11)],
  ],
];
test.each(limits)('%s', (_, within, beyond) => {
  expect(of(within)).not.toBeNull();
  expect(of(beyond)).toBeNull();
});

test('what forgers send from there meanwhile neither ends the silence nor is its mail', () => {
  const rows = [...days(40, 30, 'both', 10), ...days(29, 3, 'unauthenticated', 5), ...days(2, 0, 'spf', 20)];
  expect(of(rows)).toMatchObject({ last_before: ago(30), since: ago(2) });
});

test('is looked up before the window only of what comes unsigned after a silence', () => {
  const from = ago(41);
  const may = (rows: readonly SourceDay[]) => mayReturn(merged(rows), from);
  expect(may(days(0, 0, 'spf', 1))).toBe(true);
  expect(may(days(28, 0, 'spf', 1))).toBe(true);
  expect(may(days(29, 0, 'spf', 1))).toBe(false);
  expect(may([...days(41, 38, 'both', 1), ...days(10, 0, 'spf', 1)])).toBe(true);
  expect(may(days(10, 0, 'both', 1))).toBe(false);
  expect(may(days(10, 0, 'unauthenticated', 1))).toBe(false);
  expect(may([])).toBe(false);
});
