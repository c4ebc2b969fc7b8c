import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import { classify } from '../../../services/analyzer/sources/classes.ts';
import { wilson } from '../../../services/analyzer/statistics/confidence.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, REPORTERS, row, sourceWindow, span } from '../rows.ts';
import { expectLives } from '../rules/invented-lives.ts';

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
  [
    'a forwarder that keeps the signature, unsaid',
    span(30, 0, 'dkim', 4, ['yahoo.com']),
    'forwarded',
    /probably a forwarder\. If it is a sender of yours, approve it\.$/,
  ],
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

  describe('by the word of a person', () => {
    const word = { verdict: 'approved', by_name: 'Ada', why: 'our shop', until: null };
    const told = (rows: SourceDay[], given: object = {}) =>
      classify(sourceWindow(rows, { listed: { ...word, ...given } as never }));
    const inferred = (rows: SourceDay[]) => classify(sourceWindow(rows));

    test('what is approved is authorized while its own mail mostly passes, and to be set up while it does not', () => {
      const [passes, fails] = [span(9, 0, 'both', 10), span(9, 0, 'foreign', 10)];
      expect(told(passes)).toMatchObject({ class: 'authorized', confidence: 1 });
      expect(told([...passes, ...fails])).toMatchObject({ class: 'authorized', confidence: 1 });
      expect(told([...passes, ...fails, row(ago(0), 'foreign', 1)])).toMatchObject({ class: 'misaligned', confidence: 1 });
      expect(told(fails)).toMatchObject({ class: 'misaligned', confidence: 1 });
      expect(told([])).toMatchObject({ class: 'authorized', confidence: 1 });
      // What a forwarder broke says nothing about it.
      const list = span(30, 0, 'list', 8);
      expect(told(list)).toMatchObject({ class: inferred(list).class, confidence: inferred(list).confidence });
      expect(told([...list, row(ago(0), 'foreign', 1)])).toMatchObject({ class: 'misaligned' });
    });

    test('what is denied is unauthorized, whether it passes or not', () => {
      for (const kind of ['both', 'foreign', 'list'] as const)
        expect(told(span(9, 0, kind, 10), { verdict: 'denied' })).toMatchObject({ class: 'unauthorized', confidence: 1 });
    });

    test('it is said who decided, why and until when, and what is seen', () => {
      const rows = span(9, 0, 'both', 10);
      expect(told(rows).why).toBe(`Approved by Ada (our shop). ${inferred(rows).why}`);
      expect(told(rows, { verdict: 'denied', until: new Date('2026-06-05T10:00:00Z') }).why).toBe(
        `Denied by Ada until 2026-06-05 (our shop). ${inferred(rows).why}`,
      );
      expect(told(rows, { by_name: 'x'.repeat(41) }).why).toContain(`Approved by ${'x'.repeat(39)}… (our shop).`);
    });
  });

  describe('what is said of it', () => {
    const why = (rows: SourceDay[], extra: Partial<SourceWindow> = {}) => classify(sourceWindow(rows, extra)).why;
    const sender = { name: 'Service', kind: 'marketing' } as unknown as SourceWindow['sender'];

    test('whose mail fails and was of a sender before is of that sender', () => {
      const fails = span(9, 0, 'unauthenticated', 40);
      expect(classify(sourceWindow(fails, { broken: true }))).toMatchObject({
        class: 'authorized',
        why: expect.stringMatching(
          /^It is a sender whose mail passed and stopped passing \(authentication_regression\)\. 1,200 of/,
        ),
      });
      expect(classify(sourceWindow(span(9, 0, 'both', 40), { broken: true })).why).not.toContain('stopped passing');
    });

    test('by what it passes, and since when most of it fails', () => {
      expect(why(span(9, 0, 'dkim', 500))).toMatch(/pass DMARC, by DKIM alone\.$/);
      expect(why(span(9, 0, 'spf', 40))).toMatch(/pass DMARC, by SPF alone\.$/);
      expect(why([...span(9, 5, 'dkim', 250), ...span(4, 0, 'spf', 250)])).toMatch(
        /pass DMARC, by DKIM \(3,750\) and SPF \(3,750\)\.$/,
      );
    });

    test('the day since which it fails stands beside the sentence, of own mail alone', () => {
      const since = (rows: SourceDay[], more = {}) => classify(sourceWindow(rows, more)).failing_since;
      const broke = [...span(40, 4, 'dkim', 500), ...span(3, 0, 'foreignSpf', 500)];
      expect(since(broke)).toBe('2026-05-26');
      expect(since(span(9, 0, 'foreignSpf', 500), { broken: true })).not.toBeNull();
      expect(since(span(9, 0, 'foreignSpf', 500))).toBeNull();
      expect(since(span(9, 0, 'dkim', 500))).toBeNull();
    });

    test('as whom it authenticates', () => {
      expect(why(span(9, 0, 'foreignSpf', 40))).toMatch(
        /1,200 of 1,200 messages on 10 days by 3 reporters authenticate, but not as example\.com: SPF passes for service\.example \(1,200\)\.$/,
      );
      expect(why(span(9, 0, 'foreignSpf', 40), { sender })).toMatch(/: SPF passes for service\.example \(Service\) \(1,200\)\.$/);
      expect(why(span(9, 0, 'foreignDkim', 40))).toMatch(/: DKIM passes with d=service\.example \(1,200\)\.$/);
      expect(why(span(9, 0, 'foreignDkim', 40, undefined, { signing_domain: null }))).toMatch(/: DKIM passes \(1,200\)\.$/);
      expect(why(span(9, 0, 'foreign', 40))).toMatch(
        /: SPF passes for its return path \(1,200\), DKIM passes with d=service\.example \(1,200\)\.$/,
      );
    });

    test('that an own server is not set up, and how it is known', () => {
      const fails = span(9, 0, 'unauthenticated', 40);
      expect(why(fails, { own: true })).toMatch(
        /fail, and all names of its addresses are below example\.com: an own server that is not set up\.$/,
      );
      expect(why(fails, { own: true, admittedBy: 'ip4:192.0.2.0/24' })).toMatch(
        /fail, and the SPF record of example\.com admits its addresses \(ip4:192\.0\.2\.0\/24\): an own server that is not set up\.$/,
      );
      expect(why(fails, { outgrown: { name: 'Service' } as never })).toMatch(
        /fail, and it is Service, through which the domain's own mail passes by SPF: the SPF record does not list this network\.$/,
      );
      // What authenticates as somebody else is said so of own servers, too.
      expect(why(span(9, 0, 'foreignSpf', 40), { own: true })).toMatch(/authenticate, but not as example\.com/);
    });

    test('how much of what nothing authenticates was delivered', () => {
      const some = span(9, 0, 'unauthenticated', 40, undefined, { failed_delivered: 10, delivered: 10, rejected: 30 });
      expect(why(some)).toMatch(/fail with no passing SPF or DKIM of any domain; 25% of what fails was delivered\.$/);
    });

    test('of what has no majority, its parts, the largest first', () => {
      expect(why([...span(20, 0, 'both', 10), ...span(20, 0, 'unauthenticated', 9)])).toMatch(
        /^Of 1,197 messages on 21 days by 3 reporters: 630 pass, 567 are not authenticated; nothing has the majority\.$/,
      );
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

test('what it says of invented senders is as it was', () => expectLives('classes'));
