import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failingSince, recoveredSince } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import { DOMAIN_DAYS } from '../../../services/analyzer/rules/silence.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import { addDays } from '../../../services/shared/days.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import { heard, LARGE, MIDDLE, SMALL } from '../late-reports.ts';
import { ago, onFile, REPORTERS, row, sourceWindow, span, TODAY, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const net = (n: number) => ({ source: `198.18.${n}.0/24` });
/** Weekdays only: TODAY is a Friday. */
const weekdays = (rows: SourceDay[]) => rows.filter((r) => ![0, 6].includes(new Date(`${r.day}T00:00:00Z`).getUTCDay()));

/** What is told of the one source that a window is about. */
function regression(window: SourceWindow): Candidate[] {
  const broken = new BrokenSenders(window.domain, window.today, window.known);
  const part = failingSince(window);
  if (part) broken.fail(part);
  return part ? broken.candidates(window.policy) : [];
}

describe('authentication_regression', () => {
  test.each([
    ['dkim', 'dkim', 'foreignSpf', 'DKIM', '_domainkey'],
    ['spf', 'spf', 'unauthenticated', 'SPF', 'SPF record'],
    ['both', 'both', 'unauthenticated', 'DKIM and SPF', '_domainkey'],
  ] as const)('%s that stopped: the day, the mechanism, the last good day, how many since', (_, before, after, name, advice) => {
    const [finding, ...more] = regression(sourceWindow([...span(41, 9, before, 30), ...span(8, 0, after, 30)]));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'authentication_regression',
      subject: before === 'spf' ? 'spf' : 'dkim',
      severity: 'high',
      first_day: ago(8),
      last_day: TODAY,
      evidence: { messages: 810, of: 810, last_good_day: ago(9), since: ago(8) },
    });
    expect(wordsFor(finding).summary).toContain(`(${name})`);
    expect(wordsFor(finding).advice[0]).toContain(advice);
  });

  test('the change day is found wherever it lies, also with weekends without mail and in any order of rows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 25 }), fc.boolean(), fc.integer({ min: 1, max: 10_000 }), (n, office, seed) => {
        let rows = [...span(41, n, 'dkim', 30), ...span(n - 1, 0, 'foreignSpf', 30)];
        if (office) rows = weekdays(rows);
        const shuffled = rows
          .map((r, i) => ({ r, key: Math.imul(i + 1, seed * 2_654_435_761) >>> 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ r }) => r);
        const firstBad = rows
          .filter((r) => r.failed_authenticated > 0)
          .map((r) => r.day)
          .sort();
        const badDays = new Set(firstBad).size;
        const found = regression(sourceWindow(shuffled));
        if (badDays < 1) expect(found).toEqual([]);
        else expect(found[0]).toMatchObject({ first_day: firstBad[0] });
      }),
      { numRuns: 60 },
    );
  });

  test('a day of transition and a few strays do not hide it', () => {
    const rows = [
      ...span(30, 6, 'dkim', 100),
      ...span(5, 5, 'dkim', 20),
      ...span(5, 0, 'foreignSpf', 80),
      row(ago(2), 'dkim', 3, { reporter: 'late.example' }),
    ];
    expect(regression(sourceWindow(rows))[0]).toMatchObject({ first_day: ago(5) });
  });

  const silentCases: [string, SourceDay[]][] = [
    ['a source that always failed', span(41, 0, 'foreign', 30)],
    ['a source that always passed', span(41, 0, 'dkim', 30)],
    ['a weekend without mail', weekdays(span(41, 0, 'dkim', 30))],
    [
      'one bad day of one reporter',
      [
        ...span(41, 0, 'dkim', 30, REPORTERS.slice(1)),
        ...span(41, 1, 'dkim', 30, ['google.com']),
        ...span(0, 0, 'foreignSpf', 30, ['google.com']),
      ],
    ],
    ['bad days that are over', [...span(41, 6, 'dkim', 30), ...span(5, 2, 'foreignSpf', 30), ...span(1, 0, 'dkim', 30)]],
    ['a handful of messages', [...span(41, 3, 'dkim', 1, ['google.com']), ...span(2, 0, 'foreignSpf', 2, ['google.com'])]],
    ['four good days', [...span(6, 3, 'dkim', 100), ...span(2, 0, 'foreignSpf', 100)]],
    [
      'reporters that pass it falling silent, and one that never did going on',
      [...span(41, 3, 'dkim', 100, ['google.com', 'yahoo.com']), ...span(41, 0, 'foreignSpf', 30, ['broken.example'])],
    ],
    [
      'a spoofer who joins the network of a small rightful sender',
      [...span(41, 0, 'dkim', 5, REPORTERS, net(1)), ...span(5, 0, 'unauthenticated', 20, REPORTERS, net(1))],
    ],
    ['a mailing list that receivers recognise', [...span(41, 6, 'forwardedPass', 30), ...span(5, 0, 'list', 30)]],
  ];
  test.each(silentCases)('is silent about %s', (_, rows) => {
    expect(regression(sourceWindow(rows))).toEqual([]);
  });

  test('an open one goes on when the good days have left the window, and keeps its first day', () => {
    const [then] = regression(sourceWindow([...span(41, 9, 'dkim', 30), ...span(8, 0, 'foreignSpf', 30)]));
    const broken = then!.evidence.broken!.map((part) => ({ ...part, since: ago(60) }));
    const finding = onFile({ ...then!, first_day: ago(60), evidence: { ...then!.evidence, broken } });
    const [now] = regression(sourceWindow(span(41, 0, 'foreignSpf', 30), { known: [finding] }));
    expect(now).toMatchObject({ first_day: ago(60), last_day: TODAY, evidence: { messages: 3780, mechanism: 'dkim' } });
  });

  test('it resolves when two days with volume pass again', () => {
    const rows = [...span(41, 9, 'dkim', 30), ...span(8, 2, 'foreignSpf', 30)];
    const finding = onFile(regression(sourceWindow(rows))[0]!);
    expect(recoveredSince(finding.evidence.broken![0]!, sourceWindow([...rows, ...span(1, 1, 'dkim', 30)]))).toBeNull();
    const mended = sourceWindow([...rows, ...span(1, 0, 'dkim', 30)], { known: [finding] });
    expect(regression(mended)).toEqual([]);
    expect(recoveredSince(finding.evidence.broken![0]!, mended)).toEqual({ reason: 'passes_again', since: addDays(TODAY, -1) });
  });

  test('it resolves when nothing of the source has failed on as many reported days as the rule looks at', () => {
    const [told] = regression(sourceWindow([...span(41, 9, 'dkim', 30), ...span(8, 0, 'foreignSpf', 30)]));
    // Nothing of the source's itself: the domain is reported on all the same.
    const window = sourceWindow(span(41, 0, 'dkim', 30));
    const ended = (last: number) =>
      recoveredSince({ ...told!.evidence.broken![0]!, last_day: ago(last) }, { ...window, rows: [] });
    expect(ended(DOMAIN_DAYS - 1)).toBeNull();
    expect(ended(DOMAIN_DAYS)).toEqual({ reason: 'no_failing_mail', days: DOMAIN_DAYS });
  });
});

test('a reporter that is late is no drop of passing mail, and may contradict: a regression is told when it cannot', () => {
  const before = span(40, 2, 'dkim', 40, [LARGE, MIDDLE, SMALL]);
  const fails = (reporters: readonly string[]) => span(1, 0, 'unauthenticated', 40, [...reporters]);
  const told = (rows: SourceDay[], silent: readonly string[]) => {
    const { there, given } = heard(
      [...before, ...rows],
      silent.flatMap((reporter) => [ago(1), ago(0)].map((day) => ({ day, reporter }))),
    );
    return failingSince(sourceWindow(there, given)) === null ? 0 : 1;
  };
  // One tenth of the usual mail, then four tenths: the day is not covered yet.
  expect(told(fails([SMALL]), [LARGE, MIDDLE])).toBe(0);
  expect(told(fails([SMALL, MIDDLE]), [LARGE])).toBe(0);
  // Six tenths, one reporter of three: the two that are awaited may say it is that reporter's own trouble.
  expect(told(fails([LARGE]), [MIDDLE, SMALL])).toBe(0);
  expect(told([...fails([LARGE]), ...span(1, 0, 'dkim', 40, [MIDDLE, SMALL])], [])).toBe(0);
  expect(told(fails([LARGE, MIDDLE]), [SMALL])).toBe(1);
  expect(told(fails([LARGE, MIDDLE, SMALL]), [])).toBe(1);
});

test('a source does not pass again because the first to speak says so', () => {
  const silent = [0, 1, 2].map((n) => ({ day: ago(n), reporter: LARGE }));
  const rows = [
    ...span(40, 8, 'dkim', 40, [LARGE, MIDDLE, SMALL]),
    ...span(7, 3, 'unauthenticated', 40, [LARGE, MIDDLE, SMALL]),
    ...span(2, 0, 'dkim', 40, [MIDDLE, SMALL]),
  ];
  const broken = heard(
    rows.filter((r) => r.day < ago(2)),
    [],
  );
  const part = failingSince(sourceWindow(broken.there, { ...broken.given, today: ago(3) }));
  const some = heard(rows, silent);
  expect(recoveredSince(part!, sourceWindow(some.there, some.given))).toBeNull();
  const all = heard([...rows, ...span(2, 0, 'dkim', 40, [LARGE])], []);
  expect(recoveredSince(part!, sourceWindow(all.there, all.given))).toMatchObject({ reason: 'passes_again' });
});

test('what it says of invented senders is as it was', () => expectLives('broken_senders'));
