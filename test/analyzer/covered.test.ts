import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../services/analyzer/rules/alignment_failure.ts';
import { failingSince, recoveredSince } from '../../services/analyzer/rules/authentication_regression.ts';
import { newSource } from '../../services/analyzer/rules/new_source.ts';
import { unauthorizedSource } from '../../services/analyzer/rules/unauthorized_source.ts';
import { volumeSurge } from '../../services/analyzer/rules/volume_surge.ts';
import { Attendance } from '../../services/analyzer/statistics/habit.ts';
import { daysBetween } from '../../services/shared/days.ts';
import type { ReporterDay, SourceDay } from '../../services/store/analysis/window-reads.ts';
import { ago, domainDays, domainWindow, onFile, row, sourceWindow, span } from './rows.ts';

/** Who tells of a day as if nothing else came: rows and reporter-days of the reports that are in. */
type Report = { day: string; reporter: string };
const isIn = (reports: readonly Report[]) => (r: Report) => reports.some((x) => x.day === r.day && x.reporter === r.reporter);

const [LARGE, MIDDLE, SMALL] = ['large.example', 'middle.example', 'small.example'] as const;
const USUAL: Record<string, number> = { [LARGE]: 600, [MIDDLE]: 300, [SMALL]: 100 };

/** What the reporters told but for some reports: so many of all mail each, of which the rows are a part. */
function heard(rows: readonly SourceDay[], late: readonly Report[]) {
  const missing = isIn(late);
  const reporterDays: ReporterDay[] = daysBetween(ago(41), ago(0)).flatMap((day) =>
    Object.keys(USUAL)
      .filter((reporter) => !missing({ day, reporter }))
      .map((reporter) => {
        const own = rows.filter((r) => r.day === day && r.reporter === reporter);
        const background = own.reduce((n, r) => n + r.failed_unauthenticated, 0);
        const networks = own.filter((r) => r.failed_unauthenticated > 0).length;
        const messages = USUAL[reporter]! + own.reduce((n, r) => n + r.messages, 0);
        return { day, reporter, messages, background, networks, background_below: 0, networks_below: 0, contradicted: 0 };
      }),
  );
  const there = rows.filter((r) => !missing(r));
  const attendance = new Attendance(reporterDays);
  const days = domainDays(there, 1000).map((day) => ({
    ...day,
    reporters: Object.keys(USUAL).filter((reporter) => attendance.spoke(reporter, day.day)),
  }));
  return { there, given: { reporterDays, attendance, domainDays: days } };
}

/** The report days that may be late, and any part of their reports; somebody has told of the newest day. */
const recent: Report[] = daysBetween(ago(2), ago(0)).flatMap((day) => Object.keys(USUAL).map((reporter) => ({ day, reporter })));
const late = fc.subarray(recent.filter(({ day, reporter }) => !(day === ago(0) && reporter === MIDDLE)));

describe('what is told of a day is not taken back by those who speak of it later', () => {
  test('unauthorized_source: whatever part of the reports is in, all of them say no less', () => {
    const forged = fc.array(fc.nat(14), { minLength: 21, maxLength: 21 });
    const trickle = (day: string) => Math.round(Date.parse(day) / 86_400_000) % 3;
    let told = 0;
    fc.assert(
      fc.property(forged, late, (counts, missing) => {
        const habit = daysBetween(ago(41), ago(7)).flatMap((day) =>
          trickle(day) === 0
            ? []
            : [row(day, 'unauthenticated', trickle(day), { source: `198.18.${day.slice(8)}.0/24`, reporter: MIDDLE })],
        );
        const burst = daysBetween(ago(6), ago(0)).flatMap((day, d) =>
          Object.keys(USUAL).map((reporter, r) =>
            row(day, 'unauthenticated', counts[d * 3 + r]!, { source: `198.19.${r}.0/24`, reporter }),
          ),
        );
        const rows = [...habit, ...burst.filter((r) => r.messages > 0)];
        const found = (reports: readonly Report[]) => {
          const { there, given } = heard(rows, reports);
          return unauthorizedSource.find(domainWindow(there, given)).length;
        };
        if (found(missing) > 0) {
          told++;
          expect(found([])).toBe(1);
        }
      }),
      { numRuns: 60 },
    );
    expect(told).toBeGreaterThan(5);
  });

  test('a surge far beyond habit is told before the largest reporter speaks; what is only much for the others waits for it', () => {
    const habit = span(41, 1, 'both', 50, [LARGE, MIDDLE, SMALL]);
    const missing = [{ day: ago(0), reporter: LARGE }];
    const surge = (n: number, reports: readonly Report[]) => {
      const rows = [...habit, ...[LARGE, MIDDLE, SMALL].map((reporter) => row(ago(0), 'both', n, { reporter }))];
      const { there, given } = heard(rows, reports);
      return volumeSurge.find(sourceWindow(there, given)).length;
    };
    expect(surge(1000, missing)).toBe(1);
    expect(surge(130, missing)).toBe(0);
    expect(surge(130, [])).toBe(1);
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
});

test('a source of which half is untold is neither called misaligned nor new', () => {
  const waits = (rows: SourceDay[], rule: typeof newSource) => {
    const silent = [ago(1), ago(0)].map((day) => ({ day, reporter: LARGE }));
    const found = (late: readonly Report[]) => {
      const { there, given } = heard(rows, late);
      return rule.find(sourceWindow(there, { ...given, firstSeen: ago(1), borrowed: 0 })).length;
    };
    expect([found(silent), found([])]).toEqual([0, 1]);
  };
  waits(span(1, 0, 'dkim', 20, [LARGE, MIDDLE, SMALL]), newSource);
  waits(span(1, 0, 'foreign', 20, [LARGE, MIDDLE, SMALL]), alignmentFailure);
});

test('it does not matter on which days the week was looked at: a burst of one day is found on any of them, by the same evidence', () => {
  const rows = [
    ...span(41, 0, 'unauthenticated', 1, [MIDDLE], { source: '198.18.1.0/24' }),
    ...span(4, 4, 'unauthenticated', 9, [LARGE, MIDDLE, SMALL], { source: '198.19.1.0/24' }),
  ];
  const { given } = heard(rows, []);
  const [finding] = unauthorizedSource.find(domainWindow(rows, given));
  expect(finding).toMatchObject({ first_day: ago(4), last_day: ago(4), evidence: { messages: 28 } });
});

describe('what is over is over when it is known', () => {
  const late = [LARGE].flatMap((reporter) => [0, 1, 2].map((n) => ({ day: ago(n), reporter })));

  test('a surge does not end on days of which its loudest reporter has yet to speak', () => {
    const rows = [...span(41, 4, 'both', 50, [LARGE, MIDDLE, SMALL]), ...span(3, 3, 'both', 500, [LARGE, MIDDLE, SMALL])];
    const all = heard([...rows, ...span(2, 0, 'both', 50, [LARGE, MIDDLE, SMALL])], []);
    const [surge] = volumeSurge.find(sourceWindow(all.there, all.given));
    const known = onFile(surge!);
    expect(volumeSurge.over(known, sourceWindow(all.there, all.given))).toMatchObject({ reason: 'usual_again' });
    const some = heard(all.there, late);
    expect(volumeSurge.over(known, sourceWindow(some.there, some.given))).toBeNull();
  });

  test('nor does a source pass again because the first to speak says so', () => {
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
    const some = heard(rows, late);
    expect(recoveredSince(part!, sourceWindow(some.there, some.given))).toBeNull();
    const all = heard([...rows, ...span(2, 0, 'dkim', 40, [LARGE])], []);
    expect(recoveredSince(part!, sourceWindow(all.there, all.given))).toMatchObject({ reason: 'passes_again' });
  });
});
