import { describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../../services/analyzer/rules/alignment_failure.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { heard, LARGE, MIDDLE, type Report, SMALL } from '../late-reports.ts';
import { ago, DOMAIN, onFile, REPORTERS, row, sourceWindow, span, TODAY, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

describe('alignment_failure', () => {
  test.each([
    ['foreign', 'both', 'DKIM for d=service.example'],
    ['foreignSpf', 'spf', 'SPF passes for service.example'],
    ['foreignDkim', 'dkim', 'DKIM passes for d=service.example'],
  ] as const)('%s: says which mechanism authenticates as whom, and what to set up', (kind, mechanism, what) => {
    const [finding, ...more] = alignmentFailure.find(sourceWindow(span(11, 0, kind, 100)));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'alignment_failure',
      subject: 'service.example',
      severity: 'medium',
      first_day: ago(11),
      last_day: TODAY,
      evidence: { mechanism, messages: 3600, of: 3600 },
    });
    expect(wordsFor(finding).what).toContain(what);
    expect(wordsFor(finding).advice[1]).toContain(`d=${DOMAIN}`);
    expect(wordsFor(finding).advice[2]).toContain(`bounce.${DOMAIN}`);
  });

  test('strict SPF alignment changes the advice, lost mail the severity', () => {
    const rows = span(11, 0, 'foreign', 100, REPORTERS, { delivered: 0, failed_delivered: 0, rejected: 100 });
    const [finding] = alignmentFailure.find(sourceWindow(rows, { policy: 'p=reject; aspf=s' }));
    expect(finding!.severity).toBe('high');
    expect(wordsFor(finding).advice[2]).toContain('aspf=s');
  });

  test('a signature of another name of the organization, which strict alignment alone keeps out, is told as that', () => {
    const rows = span(11, 0, 'foreignDkim', 100, REPORTERS, { signing_domain: `mail.${DOMAIN}` });
    const advice = (policy: string) => wordsFor(alignmentFailure.find(sourceWindow(rows, { policy }))[0]).advice;
    expect(advice('p=none; adkim=s')[0]).toContain(`publish adkim=r in _dmarc.${DOMAIN}`);
    expect(advice('p=none; adkim=r').join(' ')).not.toContain('adkim');
  });

  // A letter to pay from a machine that somebody rents: its return path is the forger's own.
  const letters = (n: number) => [row(ago(1), 'foreignSpf', n), row(ago(0), 'foreignSpf', n, { reporter: REPORTERS[1]! })];
  test.each([
    ['a dozen of somebody new', letters(6), 0, 1],
    ['a dozen, where a stray brings four', letters(6), 4, 1],
    ['a dozen, where strays bring five', letters(6), 5, 0],
    ['eleven', [...letters(5), row(ago(0), 'foreignSpf', 1)], 0, 0],
    ['a dozen, where the domain does not sign', letters(6), null, 0],
    ['a dozen with a broken signature of ours', letters(6).map((one) => ({ ...one, failed_signed: 1 })), 0, 0],
    ['a dozen of one that has come for weeks', [...letters(6), row(ago(30), 'foreignSpf', 1)], 0, 0],
  ])('%s', (_, rows, strays, told) => {
    const found = alignmentFailure.find(sourceWindow(rows as SourceDay[], { strays: strays as number | null }));
    expect(found.map(({ severity }) => severity)).toEqual(Array(told as number).fill('low'));
    for (const one of found)
      expect(wordsFor(one).advice.join(' ')).toMatch(/bears no signature of yours.* owner of its networks/);
  });

  const silentCases: [string, SourceDay[]][] = [
    ['a service that mostly passes', [...span(30, 0, 'dkim', 100), ...span(30, 0, 'foreign', 20)]],
    ['nineteen messages', [...span(1, 0, 'foreign', 9, ['google.com']), row(ago(0), 'foreign', 1, { reporter: 'x' })]],
    ['thirty messages that one reporter saw on one day', [row(ago(0), 'foreign', 30)]],
    ['a service that was set up three days ago', [...span(20, 3, 'foreign', 100), ...span(2, 0, 'dkim', 100)]],
  ];
  test.each(silentCases)('is silent about %s', (_, rows) => {
    expect(alignmentFailure.find(sourceWindow(rows))).toEqual([]);
  });

  test('it resolves once its mail passes, or when the service is not used any more', () => {
    const finding = onFile(alignmentFailure.find(sourceWindow(span(9, 3, 'foreign', 100)))[0]!);
    expect(alignmentFailure.over(finding, sourceWindow(span(9, 3, 'foreign', 100)))).toBeNull();
    expect(alignmentFailure.over(finding, sourceWindow([...span(9, 3, 'foreign', 9), ...span(2, 2, 'dkim', 9)]))).toBeNull();
    expect(alignmentFailure.over(finding, sourceWindow([...span(9, 3, 'foreign', 9), ...span(2, 1, 'dkim', 9)]))).toEqual({
      reason: 'passes',
      since: ago(2),
    });
    expect(alignmentFailure.over({ ...finding, last_day: ago(15) }, sourceWindow([]))).toEqual({
      reason: 'no_such_mail',
      days: 14,
    });
  });
});

describe('what goes on as it was told', () => {
  const told = (rows: readonly SourceDay[]) => onFile(alignmentFailure.find(sourceWindow(rows))[0]!);
  const severity = (rows: readonly SourceDay[], known: ReturnType<typeof told>) =>
    alignmentFailure.find(sourceWindow(rows, { known: [known] }))[0]!.severity;
  const first = span(11, 9, 'foreign', 5);

  test('does not get graver merely because it goes on', () => {
    expect(told(first).severity).toBe('low');
    expect(severity(span(11, 0, 'foreign', 5), told(first))).toBe('low');
  });

  test('does when it comes faster, or when receivers begin to turn it away', () => {
    expect(severity([...first, ...span(8, 0, 'foreign', 40)], told(first))).toBe('medium');
    const refused = span(8, 0, 'foreign', 5, REPORTERS, { delivered: 0, failed_delivered: 0, rejected: 5 });
    expect(severity([...first, ...refused], told(first))).toBe('high');
  });
});

test('a source of which half is untold is not called misaligned', () => {
  const rows = span(1, 0, 'foreign', 20, [LARGE, MIDDLE, SMALL]);
  const found = (late: readonly Report[]) => {
    const { there, given } = heard(rows, late);
    return alignmentFailure.find(sourceWindow(there, { ...given, firstSeen: ago(1), borrowed: 0 })).length;
  };
  expect(found([ago(1), ago(0)].map((day) => ({ day, reporter: LARGE })))).toBe(0);
  expect(found([])).toBe(1);
});

test('what it says of invented senders is as it was', () => expectLives('alignment_failure'));
