import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignmentFailure } from '../../services/analyzer/rules/alignment_failure.ts';
import { failingSince, recoveredSince } from '../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../services/analyzer/rules/broken_senders.ts';
import { unauthorizedSource } from '../../services/analyzer/rules/unauthorized_source.ts';
import type { SourceWindow } from '../../services/analyzer/window.ts';
import { addDays } from '../../services/shared/days.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import type { Candidate } from '../../services/store/findings/findings.ts';
import { ago, DOMAIN, domainDays, domainWindow, onFile, REPORTERS, row, sourceWindow, span, wordsFor } from './rows.ts';

const net = (n: number) => ({ source: `198.18.${n}.0/24` });
/** Weekdays only: TODAY is a Friday. */
const weekdays = (rows: SourceDay[]) => rows.filter((r) => ![0, 6].includes(new Date(`${r.day}T00:00:00Z`).getUTCDay()));

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
      evidence: { messages: 1080, of: 8080, senders: 30, rejected: 1080, delivered: 0, reporters: REPORTERS },
    });
    expect(finding!.evidence.who).toHaveLength(10);
    expect(finding!.evidence.share).toBeCloseTo(1080 / 8080);
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
      last_day: TODAY_,
      evidence: { mechanism, messages: 3600, of: 3600 },
    });
    expect(wordsFor(finding).what).toContain(what);
    expect(wordsFor(finding).advice[0]).toContain(`d=${DOMAIN}`);
    expect(wordsFor(finding).advice[1]).toContain(`bounce.${DOMAIN}`);
  });

  test('strict SPF alignment changes the advice, lost mail the severity', () => {
    const rows = span(11, 0, 'foreign', 100, REPORTERS, { delivered: 0, failed_delivered: 0, rejected: 100 });
    const [finding] = alignmentFailure.find(sourceWindow(rows, { policy: 'p=reject; aspf=s' }));
    expect(finding!.severity).toBe('high');
    expect(wordsFor(finding).advice[1]).toContain('aspf=s');
  });

  const silentCases: [string, SourceDay[]][] = [
    ['a mailing list', span(30, 0, 'list', 20)],
    [
      'a list that one reporter of three recognises',
      [...span(30, 0, 'list', 20, ['google.com']), ...span(30, 0, 'foreignSpf', 20, ['yahoo.com', 'gmx.net'])],
    ],
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

const TODAY_ = ago(0);

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
      last_day: TODAY_,
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
      'one reporter of three in trouble, however large',
      [
        ...span(41, 3, 'dkim', 1000, ['google.com']),
        ...span(2, 0, 'foreignSpf', 1000, ['google.com']),
        ...span(41, 0, 'dkim', 20, ['yahoo.com', 'gmx.net']),
      ],
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
    expect(now).toMatchObject({ first_day: ago(60), last_day: TODAY_, evidence: { messages: 3780, mechanism: 'dkim' } });
  });

  test('it resolves when two days with volume pass again', () => {
    const rows = [...span(41, 9, 'dkim', 30), ...span(8, 2, 'foreignSpf', 30)];
    const finding = onFile(regression(sourceWindow(rows))[0]!);
    expect(recoveredSince(finding.evidence.broken![0]!, sourceWindow([...rows, ...span(1, 1, 'dkim', 30)]))).toBeNull();
    const mended = sourceWindow([...rows, ...span(1, 0, 'dkim', 30)], { known: [finding] });
    expect(regression(mended)).toEqual([]);
    expect(recoveredSince(finding.evidence.broken![0]!, mended)).toEqual({ reason: 'passes_again', since: addDays(TODAY_, -1) });
  });
});
