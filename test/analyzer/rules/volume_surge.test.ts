import { expect, test } from 'vitest';
import { volumeSurge } from '../../../services/analyzer/rules/volume_surge.ts';
import { heard, LARGE, MIDDLE, type Report, SMALL } from '../late-reports.ts';
import { ago, onFile, row, senderWindow, span } from '../rows.ts';

test('a surge far beyond habit is told before the largest reporter speaks; what is only much for the others waits for it', () => {
  const habit = span(41, 1, 'both', 50, [LARGE, MIDDLE, SMALL]);
  const missing = [{ day: ago(0), reporter: LARGE }];
  const surge = (n: number, reports: readonly Report[]) => {
    const rows = [...habit, ...[LARGE, MIDDLE, SMALL].map((reporter) => row(ago(0), 'both', n, { reporter }))];
    const { there, given } = heard(rows, reports);
    return volumeSurge.find(senderWindow(there, given)).length;
  };
  expect(surge(1000, missing)).toBe(1);
  expect(surge(130, missing)).toBe(0);
  expect(surge(130, [])).toBe(1);
});

test('a surge does not end on days of which its loudest reporter has yet to speak', () => {
  const silent = [0, 1, 2].map((n) => ({ day: ago(n), reporter: LARGE }));
  const rows = [...span(41, 4, 'both', 50, [LARGE, MIDDLE, SMALL]), ...span(3, 3, 'both', 500, [LARGE, MIDDLE, SMALL])];
  const all = heard([...rows, ...span(2, 0, 'both', 50, [LARGE, MIDDLE, SMALL])], []);
  const [surge] = volumeSurge.find(senderWindow(all.there, all.given));
  const known = onFile(surge!);
  expect(volumeSurge.over(known, senderWindow(all.there, all.given))).toMatchObject({ reason: 'usual_again' });
  const some = heard(all.there, silent);
  expect(volumeSurge.over(known, senderWindow(some.there, some.given))).toBeNull();
});

/** A sender of some messages a day and reporter, and then more for some days. */
function burst(usual: number, most: number, days: number) {
  const reporters = [LARGE, MIDDLE, SMALL];
  const { there, given } = heard(
    [...span(41, days, 'both', usual, reporters), ...span(days - 1, 0, 'both', most, reporters)],
    [],
  );
  return volumeSurge.find(senderWindow(there, given));
}

test.each([
  [1, 40, 2],
  [3, 50, 3],
  [10, 55, 1],
])('a small sender of %i a day and reporter that writes %i for %i days to all it knows is no alarm', (usual, most, days) => {
  expect(burst(usual, most, days)).toMatchObject([{ severity: 'info', evidence: { facts: { season: { why: 'small' } } } }]);
});

test.each([
  [1, 100, 1],
  [3, 400, 1],
  [10, 55, 5],
])('a stolen account knows no measure: from %i to %i for %i days is one', (usual, most, days) => {
  expect(burst(usual, most, days)[0]!.severity).not.toBe('info');
});
