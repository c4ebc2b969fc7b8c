import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { wilson } from '../../../services/analyzer/statistics/confidence.ts';
import type { SourceWindow } from '../../../services/analyzer/window.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, REPORTERS, row, sourceWindow, span } from '../rows.ts';

const cases: [string, SourceDay[], string, RegExp][] = [
  [
    'passes by both',
    span(30, 0, 'both', 50),
    'authorized',
    /4,650 of 4,650 messages on 31 days by 3 reporters pass DMARC, by DKIM \(4,650\) and SPF \(4,650\)/,
  ],
  ['passes by DKIM alone, in volume', span(30, 0, 'dkim', 500), 'authorized', /by DKIM alone/],
  ['passes by SPF alone', span(30, 0, 'spf', 50), 'authorized', /by SPF alone/],
  [
    'passed for weeks, fails on the newest days',
    [...span(40, 4, 'dkim', 500), ...span(3, 0, 'foreignSpf', 500)],
    'authorized',
    /Since 2026-05-26 most of it fails/,
  ],
  [
    'authenticates as somebody else',
    span(10, 0, 'foreign', 40),
    'misaligned',
    /SPF passes for its return path .*DKIM passes with d=service\.example/,
  ],
  [
    'nothing authenticates',
    span(5, 0, 'unauthenticated', 40, undefined, { source: '203.0.113.0/24' }),
    'unauthorized',
    /no passing SPF or DKIM of any domain; 0% of what fails was delivered/,
  ],
  ['a mailing list, said by all', span(30, 0, 'list', 8), 'forwarded', /came through a forwarder/],
  [
    'a mailing list, recognised by one reporter of three',
    [...span(30, 0, 'list', 8, ['google.com']), ...span(30, 0, 'foreignSpf', 8, ['yahoo.com', 'gmx.net'])],
    'forwarded',
    /as the receivers say/,
  ],
  ['a forwarder that keeps the signature, unsaid', span(30, 0, 'dkim', 4, ['yahoo.com']), 'forwarded', /probably a forwarder/],
  ['a small sender whose mail ends where all mail of the domain ends', span(30, 0, 'dkim', 4), 'authorized', /by DKIM alone/],
  ['two messages', [row(ago(1), 'both', 2)], 'unknown', /Too little/],
  ['half and half', [...span(20, 0, 'both', 10), ...span(20, 0, 'unauthenticated', 10)], 'unknown', /nothing has the majority/],
  ['no mail in the window', [], 'unknown', /^No trusted report in this window covers this source\.$/],
];

describe('classify', () => {
  test.each(cases)('%s', (_, rows, expected, why) => {
    const found = classify(sourceWindow(rows));
    expect(found).toMatchObject({ class: expected, why: expect.stringMatching(why) });
  });

  describe('whose keys a source signs with, of what passes by the signature alone', () => {
    const [first] = REPORTERS as [string];
    const even = span(30, 0, 'dkim', 8);
    const atOne = span(30, 0, 'dkim', 8, [first]);
    const [OWN, ANOTHERS, BETWEEN] = [
      { own: 1, another: 0 },
      { own: 0, another: 1 },
      { own: 0.3, another: 0.3 },
    ];
    const classOf = (rows: SourceDay[], extra: Partial<SourceWindow>) => classify(sourceWindow(rows, extra)).class;

    test('who bears the signature of another is a forwarder, wherever the mail ends that those tell of who decide', () => {
      expect(classOf(even, {})).toBe('authorized');
      expect(classOf(even, { keys: ANOTHERS })).toBe('forwarded');
      expect(classOf(atOne, { keys: ANOTHERS })).toBe('forwarded');
      expect(classify(sourceWindow(even, { keys: ANOTHERS })).why).toMatch(/far more comes from elsewhere with the same key/);
    });

    test('who has a key of its own is a sender, also one with readers at one receiver', () => {
      expect(classOf(atOne, {})).toBe('forwarded');
      expect(classOf(atOne, { keys: OWN })).toBe('authorized');
    });

    test('where many share a key and none has most of it, the place where mail ends decides', () => {
      expect(classOf(even, { keys: BETWEEN })).toBe('authorized');
      expect(classOf(atOne, { keys: BETWEEN })).toBe('forwarded');
    });

    test('a large part of the domain is no forwarder, nor is what SPF aligns', () => {
      expect(classOf(span(30, 0, 'dkim', 80), { keys: ANOTHERS })).toBe('authorized');
      expect(classOf(span(30, 0, 'both', 8), { keys: ANOTHERS })).toBe('authorized');
    });

    test('it takes nothing from mail that fails', () => {
      expect(classOf(span(30, 0, 'unauthenticated', 8), { keys: ANOTHERS })).toBe('unauthorized');
    });
  });

  test('confidence grows with volume, days and reporters, and stays below one', () => {
    const little = classify(sourceWindow([row(ago(0), 'both', 12)]));
    const more = classify(sourceWindow(span(2, 0, 'both', 12)));
    const much = classify(sourceWindow(span(30, 0, 'both', 500)));
    expect(little.confidence).toBeLessThan(more.confidence);
    expect(more.confidence).toBeLessThan(much.confidence);
    expect(much.confidence).toBeGreaterThan(0.9);
    expect(much.confidence).toBeLessThan(1);
  });

  test('the bound never exceeds the share', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (a, b) => {
        const bound = wilson(a, a + b);
        expect(bound).toBeGreaterThanOrEqual(0);
        expect(bound).toBeLessThanOrEqual(a + b === 0 ? 0 : a / (a + b) + 1e-12);
      }),
    );
  });

  test('the order of rows does not matter', () => {
    for (const [, rows] of cases) {
      const expected = classify(sourceWindow(rows));
      fc.assert(
        fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), (shuffled) => {
          expect(classify(sourceWindow(shuffled, { source: expected.source }))).toEqual(expected);
        }),
        { numRuns: 5 },
      );
    }
  });
});
