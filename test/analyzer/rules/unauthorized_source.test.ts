import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unauthorizedSource } from '../../../services/analyzer/rules/unauthorized_source.ts';
import { daysBetween } from '../../../services/shared/days.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { heard, LARGE, late, MIDDLE, type Report, SMALL, USUAL } from '../late-reports.ts';
import { ago, DOMAIN, domainDays, domainWindow, onFile, REPORTERS, row, span } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const net = (n: number) => ({ source: `198.18.${n}.0/24` });

describe('unauthorized_source', () => {
  test('a botnet over many networks is one finding that says who, how many of how many, and what was done', () => {
    const rows = Array.from({ length: 30 }, (_, n) => span(4, 1, 'unauthenticated', 3, REPORTERS, net(n))).flat();
    const [finding, ...more] = unauthorizedSource.find(domainWindow(rows));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'unauthorized_source',
      subject: DOMAIN,
      first_day: ago(4),
      last_day: ago(1),
      severity: 'medium',
      evidence: { messages: 1080, of: 6080, senders: 30, rejected: 1080, delivered: 0, reporters: REPORTERS },
    });
    expect(finding!.evidence.who).toHaveLength(10);
    expect(finding!.evidence.share).toBeCloseTo(1080 / 6080);
    expect(finding!.evidence.query).toContain("'2026-05-25 00:00+00'");
    expect(finding!.confidence).toBeGreaterThan(0.8);
  });

  test('severity follows what reached people', () => {
    const severity = (n: number, extra: Partial<SourceDay>) =>
      unauthorizedSource.find(domainWindow(span(2, 0, 'unauthenticated', n, REPORTERS, { ...net(1), ...extra })))[0]?.severity;
    expect(severity(3, {})).toBe('low');
    expect(severity(200, {})).toBe('medium');
    expect(severity(30, { rejected: 0, delivered: 30, failed_delivered: 30 })).toBe('high');
    expect(severity(300, { rejected: 0, delivered: 300, failed_delivered: 300 })).toBe('critical');
  });

  const silentCases: [string, SourceDay[]][] = [
    ['nothing at all', []],
    ['four messages', [row(ago(0), 'unauthenticated', 2, net(1)), row(ago(1), 'unauthenticated', 2, net(1))]],
    [
      'a single report, however large, of a reporter nobody knows',
      [row(ago(0), 'unauthenticated', 5000, { ...net(1), reporter: 'forged.example' })],
    ],
    ['ten messages that one reporter saw on one day', [row(ago(0), 'unauthenticated', 10, net(1))]],
    [
      'a rightful network with a few failures each day',
      [...span(6, 0, 'both', 200, REPORTERS, net(1)), ...span(6, 0, 'unauthenticated', 5, REPORTERS, net(1))],
    ],
    [
      'a rightful network whose mail stopped passing today: a sender that broke',
      [...span(6, 1, 'dkim', 200, REPORTERS, net(1)), ...span(0, 0, 'unauthenticated', 200, REPORTERS, net(1))],
    ],
    ['a campaign that ended eight report days ago', span(12, 8, 'unauthenticated', 100, REPORTERS, net(1))],
  ];
  test.each(silentCases)('is silent about %s', (_, rows) => {
    expect(unauthorizedSource.find(domainWindow(rows))).toEqual([]);
  });

  test('a spoofer in the network of a forwarder counts, for the forwarder goes on', () => {
    const rows = [...span(6, 0, 'dkim', 5, REPORTERS, net(1)), ...span(2, 0, 'unauthenticated', 20, REPORTERS, net(1))];
    expect(unauthorizedSource.find(domainWindow(rows))[0]).toMatchObject({ first_day: ago(2), evidence: { messages: 180 } });
  });

  test('what comes after a week without is told again when it would be told by itself, and a stray message is not', () => {
    const [then] = unauthorizedSource.find(domainWindow(span(6, 2, 'unauthenticated', 20, REPORTERS, net(1))));
    const open = onFile({ ...then!, first_day: ago(14), last_day: ago(9) });
    const told = (rows: SourceDay[]) => unauthorizedSource.find(domainWindow(rows, { known: [open] }));
    const stray = [2, 3, 4].map((n) => row(ago(0), 'unauthenticated', 1, { ...net(n), reporter: REPORTERS[n - 2]! }));
    expect(told(stray)).toEqual([]);
    expect(told(span(1, 0, 'unauthenticated', 20, REPORTERS, net(1)))[0]!.evidence).toMatchObject({
      again: ago(1),
      messages: 120,
    });
    // While it goes on, little is enough to hold it.
    const lately = onFile({ ...then!, last_day: ago(3) });
    expect(unauthorizedSource.find(domainWindow(stray, { known: [lately] }))).toHaveLength(1);
  });

  test('a source with a finding of its own is left out', () => {
    const rows = [
      ...span(3, 0, 'unauthenticated', 20, REPORTERS, net(1)),
      ...span(3, 0, 'unauthenticated', 2, REPORTERS, net(2)),
    ];
    const [finding] = unauthorizedSource.find(domainWindow(rows, { excluded: new Set([net(1).source]) }));
    expect(finding!.evidence).toMatchObject({ messages: 24, senders: 1 });
  });

  test('it resolves after seven report days without, but not because its reporters fell silent', () => {
    const campaign = span(20, 8, 'unauthenticated', 20, ['gmx.net'], net(1));
    const [then] = unauthorizedSource.find(domainWindow(span(6, 2, 'unauthenticated', 20, ['gmx.net'], net(1))));
    const finding = onFile({ ...then!, last_day: ago(8) });
    const others = domainDays(campaign);
    expect(unauthorizedSource.over(finding, domainWindow([], { domainDays: others, known: [finding] }))).toBeNull();
    const back = others.map((day) => ({ ...day, reporters: [...day.reporters, 'gmx.net'] }));
    expect(unauthorizedSource.over(finding, domainWindow([], { domainDays: back, known: [finding] }))).toEqual({
      reason: 'no_such_mail',
      days: 7,
      unusual: true,
    });
    expect(unauthorizedSource.over({ ...finding, last_day: ago(6) }, domainWindow([], { domainDays: back }))).toBeNull();
  });

  test('an open one holds on a trickle that would not open one, and one resolved does not come back on old days', () => {
    const rows = [row(ago(0), 'unauthenticated', 5, net(1))];
    const [then] = unauthorizedSource.find(domainWindow(span(6, 2, 'unauthenticated', 20, REPORTERS, net(1))));
    expect(unauthorizedSource.find(domainWindow(rows, { known: [onFile(then!)] }))[0]).toMatchObject({
      first_day: ago(6),
      last_day: ago(0),
    });
    const resolved = onFile(then!, { state: 'resolved' });
    resolved.evidence = { ...resolved.evidence, resolved_day: ago(1) };
    const before = span(6, 1, 'unauthenticated', 50, REPORTERS, net(1));
    expect(unauthorizedSource.find(domainWindow([...before, ...rows], { known: [resolved] }))).toEqual([]);
  });
});

test('whatever part of the reports is in, all of them say no less', () => {
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

test('it does not matter on which days the week was looked at: a burst of one day is found on any of them, by the same evidence', () => {
  const rows = [
    ...span(41, 0, 'unauthenticated', 1, [MIDDLE], { source: '198.18.1.0/24' }),
    ...span(4, 4, 'unauthenticated', 9, [LARGE, MIDDLE, SMALL], { source: '198.19.1.0/24' }),
  ];
  const { given } = heard(rows, []);
  const [finding] = unauthorizedSource.find(domainWindow(rows, given));
  expect(finding).toMatchObject({ first_day: ago(4), last_day: ago(4), evidence: { messages: 28 } });
});

describe('networks whose names are being looked up', () => {
  const rows = (n: number, extra = {}) =>
    [1, 2, 3, 4].flatMap((one) => span(2, 0, 'unauthenticated', n, REPORTERS, { ...net(one), ...extra }));
  const find = (unnamed: number[], of: SourceDay[]) =>
    unauthorizedSource.find({ ...domainWindow(of), unnamed: new Set(unnamed.map((n) => net(n).source)) });

  test.each([
    ['all of them', [1, 2, 3, 4]],
    ['all but what habit brings', [1, 2, 3, 4, 5]],
  ])('%s: what is low waits', (_, unnamed) => {
    expect(find(unnamed, rows(3))).toEqual([]);
    expect(find([], rows(3))).toHaveLength(1);
  });

  test('what holds without them is opened, with all of them', () => {
    const [finding] = find([1, 2], rows(3));
    expect(finding!.evidence.senders).toBe(4);
    expect(find([9], rows(3))).toHaveLength(1);
  });

  test('what is high or critical does not wait', () => {
    const delivered = (n: number) => ({ rejected: 0, delivered: n, failed_delivered: n });
    expect(find([1, 2, 3, 4], rows(30, delivered(30)))).toMatchObject([{ severity: 'critical' }]);
    expect(find([1, 2, 3, 4], rows(3, delivered(3)))).toMatchObject([{ severity: 'high' }]);
    expect(find([1, 2, 3, 4], rows(300))).toEqual([]);
  });

  test('what is high waits where one network brings nearly all of it, as an own server does that has moved', () => {
    const delivered = (n: number) => ({ rejected: 0, delivered: n, failed_delivered: n });
    const moved = span(2, 0, 'unauthenticated', 40, REPORTERS, { ...net(1), ...delivered(40) });
    expect(find([], moved)).toMatchObject([{ severity: 'high' }]);
    expect(find([1], moved)).toEqual([]);
    expect(find([2], moved)).toHaveLength(1);
    const other = span(2, 0, 'unauthenticated', 15, REPORTERS, { ...net(2), ...delivered(15) });
    expect(find([1], [...moved, ...other])).toHaveLength(1);
    const flood = span(2, 0, 'unauthenticated', 400, REPORTERS, { ...net(1), ...delivered(400) });
    expect(find([1], flood)).toMatchObject([{ severity: 'critical' }]);
  });

  test('an open finding goes on', () => {
    const [finding] = find([], rows(3));
    expect(
      unauthorizedSource.find({
        ...domainWindow(rows(3)),
        known: [onFile(finding!)],
        unnamed: new Set([net(1).source, net(2).source, net(3).source, net(4).source]),
      }),
    ).toHaveLength(1);
  });
});

test('what it says of invented domains is as it was', () => expectLives('unauthorized_source'));
