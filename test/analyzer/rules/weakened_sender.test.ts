import { describe, expect, test } from 'vitest';
import { examineSender, shareOfFailing } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import { shareOfWeakness, strengthenedSince, weakenedSince } from '../../../services/analyzer/rules/weakened_sender.ts';
import type { BrokenSender } from '../../../services/findings/figures.ts';
import type { FailedCheck } from '../../../services/store/analysis/signatures.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../../services/store/findings/findings.ts';
import { ago, DOMAIN, onFile, REPORTERS, row, sourceWindow, span, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const TENANT = { source: '192.0.2.0/24' };
const FORWARDER = { source: 'forwarder.example' };
/** Mail that SPF alone carries, whose signature is there and does not verify. */
const broken = (from: number, to: number, n: number, extra = {}) =>
  span(from, to, 'spf', n, REPORTERS, { ...TENANT, dkim_broken: n, ...extra });
const unsigned = (from: number, to: number, n: number, extra = {}) =>
  span(from, to, 'spf', n, REPORTERS, { ...TENANT, ...extra });
const inError = (from: number, to: number, n: number, error: 'permerror' | 'temperror', reporters = REPORTERS) =>
  span(from, to, 'dkim', n, reporters, { ...TENANT, [`spf_${error}`]: n });

/** What is found of these sources together. */
function found(sources: readonly (readonly SourceDay[])[], known: KnownFinding[] = [], checks: FailedCheck[] = []): Candidate[] {
  const senders = new BrokenSenders(DOMAIN, ago(0), known);
  for (const rows of sources) examineSender(senders, sourceWindow(rows, { known }));
  senders.nameChecks(checks);
  return senders.candidates('p=reject');
}
const check = (source: string, selector = 'selector1', dead = true): FailedCheck => ({
  source,
  mechanism: 'dkim',
  domain: DOMAIN,
  selector,
  passed: false,
  messages: 10,
  of: 10,
  dead,
});

describe('a key that fails at all senders while SPF hides it', () => {
  const tenant = [...span(41, 5, 'both', 100, REPORTERS, TENANT), ...broken(4, 0, 100)];
  const forwarder = [...span(41, 5, 'dkim', 9, REPORTERS, FORWARDER), ...span(4, 0, 'foreignSpf', 9, REPORTERS, FORWARDER)];

  test('is one finding, which names the key and blames no forwarder', () => {
    const [finding, ...more] = found([tenant, forwarder], [], [check(TENANT.source), check(FORWARDER.source)]);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'authentication_regression',
      subject: 'dkim',
      severity: 'high',
      first_day: ago(4),
      evidence: { senders: 2, mechanism: 'dkim', messages: 5 * 3 * 109 },
    });
    const { title, summary, what, advice } = wordsFor(finding);
    expect(title).toBe(`DKIM key selector1 fails at all senders of ${DOMAIN}`);
    expect(summary).toContain('direct mail survives on SPF alone');
    expect(what).toContain(`since ${ago(4)}`);
    expect(what).toMatch(
      /192\.0\.2\.0\/24\) survives on SPF alone, .* Through forwarder\.example, which has nothing else, 135 messages failed/,
    );
    expect(advice[0]).toContain(`selector1._domainkey.${DOMAIN}`);
  });

  test('is found without any forwarder, milder, and where little mail is concerned still milder', () => {
    expect(found([tenant])[0]).toMatchObject({ severity: 'medium', evidence: { senders: 1 } });
    const little = [...span(41, 5, 'both', 4, REPORTERS, TENANT), ...broken(4, 0, 4)];
    expect(found([little])[0]).toMatchObject({ severity: 'low' });
  });

  test('a key that verifies elsewhere is not said to fail everywhere', () => {
    const [finding] = found([tenant], [], [check(TENANT.source, 'selector1', false)]);
    expect(wordsFor(finding).title).toBe(`DKIM key selector1 fails at ${TENANT.source} for ${DOMAIN}`);
  });

  test('stays open while it lasts, and is over when signatures verify', () => {
    const known = [onFile(found([tenant.filter(({ day }) => day <= ago(2))])[0]!)];
    expect(found([tenant], known)[0]).toMatchObject({ first_day: ago(4) });
    const mended = [
      ...span(41, 5, 'both', 100, REPORTERS, TENANT),
      ...broken(4, 2, 100),
      ...span(1, 0, 'both', 100, REPORTERS, TENANT),
    ];
    expect(found([mended], known)).toEqual([]);
  });

  test('a sender that fails altogether later is told of as one', () => {
    const known = [onFile(found([tenant])[0]!)];
    const worse = [
      ...span(41, 5, 'both', 100, REPORTERS, TENANT),
      ...broken(4, 3, 100),
      ...span(2, 0, 'unauthenticated', 100, REPORTERS, TENANT),
    ];
    const [finding] = found([worse], known);
    expect(finding).toMatchObject({ severity: 'critical', evidence: { mechanism: 'both' } });
    expect(finding!.evidence.broken![0]!.survives_on).toBeUndefined();
  });
});

test('a host that stops signing is told so', () => {
  const [finding] = found([[...span(41, 5, 'both', 100, REPORTERS, TENANT), ...unsigned(4, 0, 100)]]);
  expect(wordsFor(finding).title).toBe(`Mail is no longer signed at ${TENANT.source} for ${DOMAIN}`);
  expect(wordsFor(finding).advice[0]).toContain('without a signature');
});

describe('a key that fails at one of several servers of a network', () => {
  /** `n` of each hundred messages bear a signature that does not verify, while SPF passes. */
  const partly = (from: number, to: number, n: number, extra = {}) => [
    ...span(from, to, 'both', 100 - n, REPORTERS, TENANT),
    ...broken(from, to, n, extra),
  ];
  const one = (from: number, n = 32) => [...partly(41, from + 1, 1), ...partly(from, 0, n)];

  test.each([2, 4, 10, 19])('is found on day %i, and names the key and the network', (from) => {
    const [finding, ...more] = found([one(from)], [], [check(TENANT.source, 's1')]);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      subject: 'dkim',
      severity: 'medium',
      first_day: ago(from),
      evidence: { mechanism: 'dkim', messages: 96 * (from + 1), of: 300 * (from + 1) },
    });
    const { title, summary } = wordsFor(finding);
    expect(title).toBe(`DKIM key s1 fails at ${TENANT.source} for ${DOMAIN}`);
    expect(summary).toContain('direct mail survives on SPF alone');
  });

  test('is low where it is a small part', () => {
    expect(found([one(9, 21)])[0]).toMatchObject({ severity: 'low', first_day: ago(9) });
  });

  test('stays open while it lasts, and is over when the signatures verify', () => {
    const known = [onFile(found([one(9).filter(({ day }) => day <= ago(4))])[0]!)];
    expect(found([one(9)], known)[0]).toMatchObject({ first_day: ago(9) });
    const whole = [...partly(41, 10, 1), ...partly(9, 4, 32), ...partly(3, 0, 1)];
    expect(found([whole], known)).toEqual([]);
  });

  test.each<[string, SourceDay[]]>([
    ['a wobble of 2 %', partly(41, 0, 2)],
    ['a wobble that rises from 2 % to 6 %', [...partly(41, 10, 2), ...partly(9, 0, 6)]],
    ['two bad days', [...partly(41, 2, 1), ...partly(1, 0, 32)]],
    ['bad days that are over', [...partly(41, 10, 1), ...partly(9, 4, 32), ...partly(3, 0, 1)]],
    ['a part that never verified', partly(41, 0, 32)],
    ['mail without any signature of ours', [...partly(41, 10, 1), ...partly(9, 0, 32, { dkim_broken: 0 })]],
    [
      'a list that breaks signatures, whose SPF does not align',
      [
        ...partly(41, 10, 1),
        ...span(9, 0, 'both', 68, REPORTERS, TENANT),
        ...span(9, 0, 'foreignSpf', 32, REPORTERS, { ...TENANT, dkim_broken: 32, failed_signed: 32 }),
      ],
    ],
    [
      'one reporter that verifies a part',
      [
        ...span(41, 0, 'both', 30, REPORTERS.slice(1), TENANT),
        ...span(41, 10, 'both', 300, REPORTERS.slice(0, 1), TENANT),
        ...span(9, 0, 'both', 200, REPORTERS.slice(0, 1), TENANT),
        ...span(9, 0, 'spf', 100, REPORTERS.slice(0, 1), { ...TENANT, dkim_broken: 100 }),
      ],
    ],
  ])('%s is nothing', (_, rows) => {
    expect(found([rows]).filter(({ evidence }) => evidence.broken?.some(({ survives_on }) => survives_on))).toEqual([]);
  });
});

describe('signatures that never verified at a source that is new', () => {
  const MAIN = { source: '198.51.100.0/24' };
  /**
   * A tenant signs, and its mail goes through a gateway from some day on, which breaks part of the
   * signatures.
   */
  const gateway = (from: number, n: number) => [...span(from, 0, 'both', 100 - n, REPORTERS, TENANT), ...broken(from, 0, n)];
  const foundOf = (rows: readonly SourceDay[], mine: FailedCheck[] = []) => {
    const senders = new BrokenSenders(DOMAIN, ago(0), []);
    const reporterDays = sourceWindow([...span(41, 0, 'both', 100, REPORTERS, MAIN)]).reporterDays;
    examineSender(senders, sourceWindow(rows, { reporterDays }));
    senders.nameChecks(mine);
    return senders.candidates('p=reject');
  };

  test.each([
    [4, 100],
    [4, 55],
    [20, 90],
  ])('is found: since %i days, %i %% of its mail', (from, n) => {
    const [finding, ...more] = foundOf(gateway(from, n), [check(TENANT.source)]);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ subject: 'dkim', severity: 'medium', first_day: ago(from), evidence: { mechanism: 'dkim' } });
    const { title, summary, advice } = wordsFor(finding);
    expect(title).toBe(`DKIM key selector1 fails at ${n > 80 ? `all senders of ${DOMAIN}` : `${TENANT.source} for ${DOMAIN}`}`);
    expect(summary).toContain('direct mail survives on SPF alone');
    expect(advice[0]).toContain('changes mail after it is signed');
  });

  test.each<[string, SourceDay[]]>([
    ['a new source whose mail is not signed', unsigned(6, 0, 100)],
    ['one of which a tenth does not verify', gateway(6, 10)],
    ['a part of an old one that never verified', gateway(41, 32)],
    ['its first two days', gateway(1, 100)],
    ['a few messages', broken(4, 0, 1)],
  ])('%s is nothing', (_, rows) => expect(foundOf(rows)).toEqual([]));
});

describe('honest twins', () => {
  const cases: [string, SourceDay[]][] = [
    ['a sender that never signed', unsigned(41, 0, 100)],
    ['a sender that signs a part of its mail', [...span(41, 0, 'both', 50, REPORTERS, TENANT), ...unsigned(41, 0, 50)]],
    ['unsigned mail beside signed mail that goes on', [...span(41, 0, 'both', 30, REPORTERS, TENANT), ...unsigned(3, 0, 300)]],
    ['a day on which DNS failed for all', [...span(41, 1, 'both', 100, REPORTERS, TENANT), ...broken(0, 0, 100)]],
    [
      'an SPF record that was wrong for a day',
      [...span(41, 1, 'both', 100, REPORTERS, TENANT), ...inError(0, 0, 100, 'permerror')],
    ],
    ['a few unsigned messages', [...span(41, 0, 'both', 100, REPORTERS, TENANT), ...unsigned(2, 0, 2)]],
    [
      'one bad day',
      [...span(41, 2, 'both', 100, REPORTERS, TENANT), ...broken(1, 1, 100), ...span(0, 0, 'both', 100, REPORTERS, TENANT)],
    ],
    [
      'one reporter that verifies nothing any more',
      [
        ...span(41, 0, 'both', 30, REPORTERS.slice(1), TENANT),
        ...span(41, 5, 'both', 300, REPORTERS.slice(0, 1), TENANT),
        ...span(4, 0, 'spf', 300, REPORTERS.slice(0, 1), { ...TENANT, dkim_broken: 300 }),
      ],
    ],
    ['a service whose SPF never aligned', span(41, 0, 'dkim', 100, REPORTERS, TENANT)],
    [
      'a return path that moved elsewhere',
      [...span(41, 5, 'both', 100, REPORTERS, TENANT), ...span(4, 0, 'dkim', 100, REPORTERS, TENANT)],
    ],
    [
      'name servers that were slow for a day',
      [...span(41, 1, 'both', 100, REPORTERS, TENANT), ...inError(0, 0, 100, 'temperror')],
    ],
    ['some errors', [...span(41, 0, 'both', 100, REPORTERS, TENANT), ...inError(4, 0, 30, 'permerror')]],
    [
      'one reporter that cannot evaluate it',
      [...span(41, 0, 'both', 30, REPORTERS.slice(1), TENANT), ...inError(4, 0, 300, 'permerror', REPORTERS.slice(0, 1))],
    ],
  ];
  test.each(cases)('%s is nothing', (_, rows) => {
    expect(found([rows])).toEqual([]);
  });
});

describe('an SPF record that cannot be evaluated while DKIM passes', () => {
  test.each(['permerror', 'temperror'] as const)('%s is low, and says what to run', (error) => {
    const [finding] = found([[...span(41, 5, 'both', 100, REPORTERS, TENANT), ...inError(4, 0, 100, error)]]);
    expect(finding).toMatchObject({
      subject: 'spf',
      severity: 'low',
      first_day: ago(4),
      evidence: { mechanism: 'spf', messages: 1500 },
    });
    expect(wordsFor(finding).title).toBe(`SPF of ${DOMAIN} ends in ${error} at receivers`);
    expect(wordsFor(finding).advice[0]).toContain(`ruawatch dns check ${DOMAIN}`);
  });

  test('needs no better days before', () => {
    expect(found([inError(41, 0, 100, 'permerror')])[0]).toMatchObject({ severity: 'low', first_day: ago(41) });
  });

  test('is graver when SPF is the only way of some sender', () => {
    const only = { source: '198.51.100.0/24' };
    const fails = [
      ...span(41, 5, 'spf', 3, REPORTERS, only),
      ...span(4, 0, 'unauthenticated', 3, REPORTERS, {
        ...only,
        rejected: 0,
        delivered: 3,
        failed_delivered: 3,
        spf_permerror: 3,
      }),
    ];
    const [finding, ...more] = found([
      [...span(41, 5, 'both', 100, REPORTERS, TENANT), ...inError(4, 0, 100, 'permerror')],
      fails,
    ]);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ subject: 'spf', severity: 'medium', evidence: { senders: 2 } });
    expect(wordsFor(finding).what).toContain('198.51.100.0/24, which has nothing else, 45 messages failed DMARC');
  });
});

test('one of three hosts without signature and outside SPF lost both, and neither is blamed alone', () => {
  const rows = [
    ...span(41, 5, 'both', 90, REPORTERS, TENANT),
    ...span(4, 0, 'both', 60, REPORTERS, TENANT),
    ...REPORTERS.flatMap((reporter) => [4, 3, 2, 1, 0].map((d) => row(ago(d), 'unauthenticated', 30, { ...TENANT, reporter }))),
  ];
  const spf: FailedCheck = {
    ...check(TENANT.source),
    mechanism: 'spf',
    selector: null,
    dead: false,
  };
  const [finding] = found([rows], [], [spf]);
  expect(finding).toMatchObject({ subject: 'dkim', evidence: { mechanism: 'both', messages: 450 } });
  expect(wordsFor(finding).what).toContain(
    `they bear no signature of ${DOMAIN} and the address they come from is not in its SPF record`,
  );
  expect(wordsFor(finding).advice).toHaveLength(2);
  expect(wordsFor(finding).advice[0]).toContain('without a signature');
});

describe('at its thresholds', () => {
  const ONE = REPORTERS.slice(0, 1);
  /** Days of one reporter: how much of the mail is signed, how much passes by SPF alone. */
  const days = (from: number, to: number, signed: number, bare: number, extra: Partial<SourceDay> = {}) => [
    ...(signed > 0 ? span(from, to, 'both', signed, ONE, TENANT) : []),
    ...(bare > 0 ? span(from, to, 'spf', bare, ONE, { ...TENANT, ...extra }) : []),
  ];
  const since = (rows: readonly SourceDay[]) => weakenedSince(sourceWindow(rows), null)?.since ?? null;

  test.each<[string, SourceDay[], boolean]>([
    ['five signed days before', [...days(6, 2, 100, 0), ...days(1, 0, 0, 100)], true],
    ['four', [...days(5, 2, 100, 0), ...days(1, 0, 0, 100)], false],
    ['ninety percent signed before', [...days(20, 2, 90, 10), ...days(1, 0, 0, 100)], true],
    ['less', [...days(20, 2, 89, 11), ...days(1, 0, 0, 100)], false],
    ['twenty messages signed before', [...days(6, 2, 4, 0), ...days(1, 0, 0, 100)], true],
    ['nineteen', [...days(6, 3, 4, 0), ...days(2, 2, 3, 0), ...days(1, 0, 0, 100)], false],
    ['twenty messages unsigned since', [...days(20, 2, 10, 0), ...days(1, 0, 0, 10)], true],
    ['nineteen', [...days(20, 2, 10, 0), ...days(1, 1, 0, 10), ...days(0, 0, 0, 9)], false],
    ['two unsigned days', [...days(20, 2, 100, 0), ...days(1, 0, 0, 100)], true],
    ['one', [...days(20, 1, 100, 0), ...days(0, 0, 0, 100)], false],
    ['a fifth still signed', [...days(20, 2, 100, 0), ...days(1, 0, 20, 80)], true],
    ['more', [...days(20, 2, 100, 0), ...days(1, 0, 21, 79)], false],
    ['half as much signed mail a day as before', [...days(20, 2, 40, 0), ...days(1, 0, 20, 80)], true],
    ['more', [...days(20, 2, 39, 0), ...days(1, 0, 20, 80)], false],
  ])('of a source that is no longer signed: with %s', (_, rows, is) => {
    expect(since(rows)).toBe(is ? ago(1) : null);
  });

  test.each<[string, SourceDay[], boolean]>([
    ['three days', [...days(2, 0, 55, 45, { dkim_broken: 45 })], true],
    ['two', [...days(1, 0, 55, 45, { dkim_broken: 45 })], false],
    ['thirty percent of its mail', days(5, 0, 70, 30, { dkim_broken: 30 }), true],
    ['less', days(5, 0, 71, 29, { dkim_broken: 29 }), false],
    ['twenty messages', days(4, 0, 1, 4, { dkim_broken: 4 }), true],
    ['nineteen', [...days(4, 1, 1, 4, { dkim_broken: 4 }), ...days(0, 0, 1, 3, { dkim_broken: 3 })], false],
    ['eighty percent of that signed as the domain', days(5, 0, 50, 50, { dkim_broken: 40 }), true],
    ['less', days(5, 0, 50, 50, { dkim_broken: 39 }), false],
    [
      'half the rate on the newest two days',
      [...days(9, 2, 0, 80, { dkim_broken: 80 }), ...days(1, 0, 56, 44, { dkim_broken: 44 })],
      true,
    ],
    ['less', [...days(9, 2, 0, 80, { dkim_broken: 80 }), ...days(1, 0, 57, 43, { dkim_broken: 43 })], false],
    ['a first day 27 days ago', days(27, 0, 0, 10, { dkim_broken: 10 }), true],
    ['an earlier one', days(28, 0, 0, 10, { dkim_broken: 10 }), false],
  ])('of a new source that was never verified: with %s', (_, rows, is) => {
    const all = sourceWindow(rows, { reporterDays: sourceWindow(span(41, 0, 'both', 100, ONE)).reporterDays });
    expect(weakenedSince(all, null)?.since ?? null).toBe(is ? rows[0]!.day : null);
  });

  test.each<[string, SourceDay[], 'permerror' | 'temperror' | null]>([
    ['twenty messages on two days', inError(1, 0, 10, 'permerror', ONE), 'permerror'],
    ['nineteen', [...inError(1, 1, 10, 'permerror', ONE), ...inError(0, 0, 9, 'permerror', ONE)], null],
    ['a single day', inError(0, 0, 100, 'permerror', ONE), null],
    ['temporary errors on three days', inError(2, 0, 10, 'temperror', ONE), 'temperror'],
    ['temporary errors on two', inError(1, 0, 10, 'temperror', ONE), null],
    [
      'as many temporary as lasting ones on two days',
      [...inError(1, 0, 10, 'temperror', ONE), ...inError(1, 0, 10, 'permerror', ONE)],
      'permerror',
    ],
    [
      'more temporary ones on three days',
      [...inError(2, 0, 11, 'temperror', ONE), ...inError(2, 0, 10, 'permerror', ONE)],
      'temperror',
    ],
    ['four fifths of the mail', [...inError(1, 0, 80, 'permerror', ONE), ...span(1, 0, 'dkim', 20, ONE, TENANT)], 'permerror'],
    ['less', [...inError(1, 0, 79, 'permerror', ONE), ...span(1, 0, 'dkim', 21, ONE, TENANT)], null],
  ])('of SPF that cannot be evaluated: with %s', (_, rows, error) => {
    expect(weakenedSince(sourceWindow(rows), null)?.error ?? null).toBe(error);
  });

  test('half of those that report on it must agree', () => {
    const seen = (n: number) =>
      since([
        ...span(20, 2, 'both', 100, REPORTERS.slice(0, 2), TENANT),
        ...span(1, 0, 'spf', 1000, REPORTERS.slice(0, n), TENANT),
        ...span(1, 0, 'both', 100, REPORTERS.slice(n, 2), TENANT),
      ]);
    expect([seen(2), seen(1)]).toEqual([ago(1), ago(1)]);
    expect(
      since([
        ...span(20, 2, 'both', 100, REPORTERS, TENANT),
        ...span(1, 0, 'spf', 1000, ONE, TENANT),
        ...span(1, 0, 'both', 100, REPORTERS.slice(1), TENANT),
      ]),
    ).toBeNull();
  });
});

describe('what a source has in the trouble of its sender', () => {
  const sender: BrokenSender = {
    source: 'a sender',
    mechanism: 'dkim',
    survives_on: 'spf',
    since: ago(3),
    last_good_day: ago(4),
    last_day: ago(0),
    messages: 60,
    of: 100,
    per_day: 20,
    delivered: 0,
    quarantined: 0,
    rejected: 0,
    reporters: REPORTERS,
    confidence: 0.97,
  };
  const rowsOf = (bad: number, good: number, kinds: ['spf' | 'dkim' | 'unauthenticated', 'both']) => [
    row(ago(9), kinds[0], 1000, TENANT),
    row(ago(3), kinds[0], bad, TENANT),
    row(ago(2), kinds[1], good, { ...TENANT, reporter: 'yahoo.com' }),
  ];

  test.each([
    ['no less than half of the rate at which its mail is unsigned', 30, 70, true],
    ['less', 29, 71, false],
    ['nothing', 0, 100, false],
  ])('%s', (_, bad, good, is) => {
    const part = shareOfWeakness(sourceWindow(rowsOf(bad, good, ['spf', 'both'])), sender);
    expect(part).toEqual(
      is
        ? {
            ...sender,
            source: TENANT.source,
            unsigned: true,
            confidence: expect.any(Number),
            messages: bad,
            of: bad + good,
            per_day: bad,
            delivered: bad,
            last_day: ago(3),
            reporters: ['google.com'],
          }
        : null,
    );
    expect(part?.confidence ?? 1).toBeGreaterThanOrEqual(0.97);
    const failing = { ...sender, survives_on: undefined };
    const share = shareOfFailing({ source: TENANT.source, rows: rowsOf(bad, good, ['unauthenticated', 'both']) }, failing);
    expect(share && [share.messages, share.of, share.last_day, share.since]).toEqual(is ? [bad, 100, ago(3), ago(3)] : null);
  });

  test('of SPF that cannot be evaluated counts errors alone', () => {
    const spf: BrokenSender = { ...sender, mechanism: 'spf', survives_on: 'dkim' };
    const rows = [...inError(3, 3, 30, 'permerror', REPORTERS.slice(0, 1)), ...span(2, 2, 'dkim', 70, ['yahoo.com'], TENANT)];
    expect(shareOfWeakness(sourceWindow(rows), spf)).toMatchObject({
      mechanism: 'spf',
      survives_on: 'dkim',
      messages: 30,
      of: 100,
      error: 'permerror',
    });
    expect(shareOfWeakness(sourceWindow(span(3, 0, 'dkim', 100, REPORTERS, TENANT)), spf)).toBeNull();
  });

  test('is over when its mail passes again, or when nothing more came on fourteen report days', () => {
    const over = (rows: SourceDay[], part = sender) => strengthenedSince({ ...part, last_day: ago(14) }, sourceWindow(rows));
    expect(over([...unsigned(20, 14, 100), ...span(13, 0, 'both', 100, REPORTERS, TENANT)])).toMatchObject({
      reason: 'passes_again',
    });
    expect(over(unsigned(20, 14, 100))).toEqual({ reason: 'no_failing_mail', days: 14 });
    expect(strengthenedSince({ ...sender, last_day: ago(13) }, sourceWindow(unsigned(20, 13, 100)))).toBeNull();
    const spf: BrokenSender = { ...sender, mechanism: 'spf', survives_on: 'dkim' };
    // Mail by DKIM alone has an SPF that can be evaluated.
    expect(over([...inError(20, 14, 100, 'permerror'), ...span(13, 0, 'dkim', 100, REPORTERS, TENANT)], spf)).toMatchObject({
      reason: 'passes_again',
    });
    expect(over([...unsigned(20, 14, 100), ...span(13, 0, 'dkim', 100, REPORTERS, TENANT)])).toMatchObject({
      reason: 'passes_again',
    });
  });
});

test('what it says of invented senders is as it was', () => expectLives('weakened_sender'));

describe('a network that comes back unsigned after weeks', () => {
  const rows = [...span(41, 26, 'both', 10, REPORTERS, TENANT), ...unsigned(9, 0, 20)];
  const lost = (extra: Parameters<typeof sourceWindow>[1] = {}) => weakenedSince(sourceWindow(rows, extra), null);

  test('is left to abused_sender, and to nobody where a person has approved it', () => {
    expect(lost()).toBeNull();
    expect(lost({ listed: { verdict: 'approved' } as never })).toMatchObject({ mechanism: 'dkim', since: ago(9) });
  });

  test('is left to it for two weeks, and longer while that is open', () => {
    const older = [...span(41, 33, 'both', 10, REPORTERS, TENANT), ...unsigned(14, 0, 20)];
    const news = [...span(41, 32, 'both', 10, REPORTERS, TENANT), ...unsigned(13, 0, 20)];
    const found = (some: SourceDay[], extra = {}) => weakenedSince(sourceWindow(some, extra), null) !== null;
    const told = { state: 'open', evidence: { facts: { rule: 'abused_sender' } } } as KnownFinding;
    expect([found(news), found(older), found(older, { known: [told] })]).toEqual([false, true, false]);
    expect(found(older, { known: [{ ...told, state: 'resolved' }] })).toBe(true);
  });
});
