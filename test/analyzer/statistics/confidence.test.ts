import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { bearable, certainty } from '../../../services/analyzer/statistics/confidence.ts';
import { rankOf, SEVERITIES } from '../../../services/shared/severity.ts';
import { ago, domainWindow, REPORTERS, row, sourceWindow, span } from '../rows.ts';
import { expectLives } from '../sources/invented-sources.ts';

describe('certainty', () => {
  const share = fc.float({ min: 0, max: 1, noNaN: true });
  test('is a probability that more witnesses raise, and doubt lowers', () => {
    fc.assert(
      fc.property(share, share, fc.integer({ min: 0, max: 500 }), share, (chance, otherwise, witnesses, more) => {
        const sure = certainty({ chance, otherwise, witnesses });
        expect(sure).toBeGreaterThanOrEqual(0);
        expect(sure).toBeLessThanOrEqual(1);
        expect(certainty({ chance, otherwise, witnesses: witnesses + 1 })).toBeGreaterThanOrEqual(sure);
        expect(certainty({ chance: Math.min(1, chance + more), otherwise, witnesses })).toBeLessThanOrEqual(sure);
      }),
    );
  });

  test('one report leaves a quarter of doubt, and a fact none', () => {
    expect([1, 2, 4, 10].map((witnesses) => certainty({ witnesses }))).toEqual([0.75, 0.88, 0.94, 0.98]);
    expect(certainty({})).toBe(1);
  });
});

test('a severity is no graver than its certainty bears, and never milder for being surer', () => {
  const severity = fc.constantFrom(...SEVERITIES);
  fc.assert(
    fc.property(severity, fc.float({ min: 0, max: 1, noNaN: true }), fc.float({ min: 0, max: 1, noNaN: true }), (one, a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      expect(rankOf(bearable(one, less))).toBeLessThanOrEqual(rankOf(bearable(one, more)));
      expect(rankOf(bearable(one, more))).toBeLessThanOrEqual(rankOf(one));
      if (bearable(one, less) === 'critical') expect(less).toBeGreaterThanOrEqual(0.7);
      if (bearable(one, less) === 'high') expect(less).toBeGreaterThanOrEqual(0.5);
    }),
  );
  expect(bearable('critical', 0.22)).toBe('medium');
  expect(bearable('low', 0.2)).toBe('low');
});

const delivered = (n: number) => ({ rejected: 0, delivered: n, failed_delivered: n });

test('what is grave is never a guess, however small a share of mail it is', () => {
  const sender = span(41, 0, 'both', 50_000, REPORTERS, { source: '192.0.2.0/24' });
  const cases = [3, 40, 400, 4000].map((n) =>
    unauthorizedSource.find(
      domainWindow([...sender, ...span(2, 0, 'unauthenticated', n, REPORTERS, { source: '10.0.0.0/24', ...delivered(n) })]),
    ),
  );
  // Beside passing mail in one network.
  cases.push(
    unauthorizedSource.find(
      domainWindow([
        ...span(41, 0, 'dkim', 900, REPORTERS, { source: '10.0.0.0/24' }),
        ...span(2, 0, 'unauthenticated', 1000, REPORTERS, { source: '10.0.0.0/24', ...delivered(1000) }),
      ]),
    ),
    // One reporter, one day.
    unauthorizedSource.find(
      domainWindow(
        Array.from({ length: 400 }, (_, n) =>
          row(ago(0), 'unauthenticated', 5, { source: `10.${n >> 8}.${n & 255}.0/24`, ...delivered(5) }),
        ),
      ),
    ),
    alignmentFailure.find(sourceWindow(span(11, 0, 'foreign', 100))),
  );
  for (const [finding] of cases) {
    const least = { info: 0, low: 0.5, medium: 0.7, high: 0.7, critical: 0.7 }[finding!.severity];
    expect(finding!.confidence).toBeGreaterThanOrEqual(least);
  }
});

test('one report leaves a quarter of doubt, four a sixteenth, and a chance above one is none', () => {
  expect([0, 1, 2, 4].map((witnesses) => certainty({ witnesses }))).toEqual([0.75, 0.75, 0.88, 0.94]);
  expect([0.25, 1, 1.5].map((chance) => certainty({ chance }))).toEqual([0.75, 0, 0]);
});

test('how sure invented counts are is as it was', () => expectLives('sure'));
