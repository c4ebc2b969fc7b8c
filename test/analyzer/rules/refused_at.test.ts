import { describe, expect, test } from 'vitest';
import { failingSince, recoveredSince } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import { refusedAt } from '../../../services/analyzer/rules/refused_at.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, merged, onFile, reporterDays, sourceWindow, span, TODAY, wordsFor } from '../rows.ts';

const OTHERS = ['yahoo.com', 'gmx.net'];
/** Signed mail that Google takes until `days` days ago, and the others all along. */
const refused = (days: number, a_day: number, passing = 0): SourceDay[] => [
  ...span(41, days, 'dkim', a_day, ['google.com']),
  ...span(days - 1, 0, 'foreignSpf', a_day - passing, ['google.com']),
  ...(passing > 0 ? span(days - 1, 0, 'dkim', passing, ['google.com']) : []),
  ...span(41, 0, 'dkim', 20, OTHERS),
];
/** The window of a source beside others whose signatures Google verifies, until so many days ago. */
function beside(rows: SourceDay[], until: number | null, extra: Partial<SourceWindow> = {}): SourceWindow {
  const all = merged(rows);
  const own = (day: string, reporter: string) =>
    all.filter((one) => one.day === day && one.reporter === reporter).reduce((n, one) => n + one.dkim_aligned, 0);
  const days = reporterDays(all).map((one) =>
    until !== null && one.day > ago(until) ? { ...one, dkim_aligned: own(one.day, one.reporter) } : one,
  );
  return sourceWindow(rows, { reporterDays: days, ...extra });
}

describe('a source that one receiver refuses', () => {
  test('is broken there since that day, by the figures of that receiver', () => {
    expect(failingSince(beside(refused(10, 40), null))).toMatchObject({
      source: 'service.example',
      mechanism: 'dkim',
      since: ago(9),
      last_good_day: ago(10),
      last_day: TODAY,
      messages: 400,
      of: 400,
      per_day: 40,
      reporters: ['google.com'],
      at: ['google.com'],
      before: { passed: 1120, of: 1120, days: 28 },
    });
  });

  test("may be that receiver's trouble where the signatures of others fail there as well: told of much mail alone", () => {
    expect(failingSince(beside(refused(9, 11), 9))).toBeNull();
    expect(failingSince(beside(refused(10, 10), 10))).toMatchObject({ messages: 100, at: ['google.com'] });
  });

  test.each([
    ['two days', refused(2, 400), false],
    ['three days', refused(3, 400), true],
    ['19 messages', refused(19, 1), false],
    [
      '20 messages',
      [
        ...span(41, 20, 'dkim', 5, ['google.com']),
        ...span(19, 0, 'foreignSpf', 1, ['google.com']),
        ...span(41, 0, 'dkim', 20, OTHERS),
      ],
      true,
    ],
    ['four fifths of its mail there', refused(10, 50, 10), true],
    ['less than that', refused(10, 50, 11), false],
    [
      'a receiver that never passed it',
      [...span(41, 0, 'foreignSpf', 40, ['google.com']), ...span(41, 0, 'dkim', 20, OTHERS)],
      false,
    ],
    [
      'days that are over',
      [
        ...refused(10, 40).filter(({ day }) => day < ago(1)),
        ...span(1, 0, 'dkim', 40, ['google.com']),
        ...span(1, 0, 'dkim', 20, OTHERS),
      ],
      false,
    ],
    [
      'a forger beside its passing mail',
      [
        ...span(41, 0, 'dkim', 10, ['google.com']),
        ...span(9, 0, 'foreignSpf', 90, ['google.com']),
        ...span(41, 0, 'dkim', 20, OTHERS),
      ],
      false,
    ],
  ])('%s', (_, rows, found) => {
    expect(failingSince(beside(rows, null)) !== null).toBe(found);
  });

  test('goes on while it fails there, is over when it passes there, and not because it passes elsewhere', () => {
    const open = { ...failingSince(beside(refused(10, 40), null))!, since: ago(60) };
    const later = beside([...span(41, 0, 'foreignSpf', 40, ['google.com']), ...span(41, 0, 'dkim', 20, OTHERS)], null);
    expect(failingSince(later, open)).toMatchObject({ since: ago(60), messages: 1680, of: 1680, at: ['google.com'] });
    expect(recoveredSince(open, later)).toBeNull();
    const over = beside(
      [
        ...span(41, 6, 'foreignSpf', 40, ['google.com']),
        ...span(5, 0, 'dkim', 40, ['google.com']),
        ...span(41, 0, 'dkim', 20, OTHERS),
      ],
      null,
    );
    expect(failingSince(over, { ...open, last_day: ago(6) })).toBeNull();
    expect(recoveredSince({ ...open, last_day: ago(6) }, over)).toMatchObject({ reason: 'passes_again' });
  });

  test('goes on at the one that still refuses it, and what another begins to refuse joins it', () => {
    const rest = ['gmx.net', 'mail.ru', 'comcast.net', 'web.de', 'mail.com'];
    const rows = (yahoo: SourceDay[]) => [
      ...span(41, 20, 'dkim', 30, ['google.com']),
      ...span(19, 0, 'foreignSpf', 30, ['google.com']),
      ...yahoo,
      ...span(41, 0, 'dkim', 30, rest),
    ];
    const open = failingSince(beside(rows(span(41, 0, 'dkim', 1000, ['yahoo.com'])), null))!;
    const two = { ...open, at: ['google.com', 'yahoo.com'] };
    const back = beside(
      rows([
        ...span(41, 20, 'dkim', 1000, ['yahoo.com']),
        ...span(19, 6, 'foreignSpf', 1000, ['yahoo.com']),
        ...span(5, 0, 'dkim', 1000, ['yahoo.com']),
      ]),
      null,
    );
    expect(failingSince(back, two)).toMatchObject({ at: ['google.com'], messages: 600, of: 600 });
    expect(recoveredSince(two, back)).toBeNull();
    const later = beside(
      rows([...span(41, 5, 'dkim', 1000, ['yahoo.com']), ...span(4, 0, 'foreignSpf', 1000, ['yahoo.com'])]),
      null,
    );
    expect(failingSince(later, open)).toMatchObject({
      at: ['google.com', 'yahoo.com'],
      messages: 5600,
      of: 5600,
      since: ago(19),
    });
    // Far apart they are not added up from the earlier day on.
    expect(failingSince(later)).toMatchObject({ at: ['yahoo.com'], messages: 5000, of: 5000, since: ago(4) });
  });

  test('is not said to pass elsewhere before others have reported since', () => {
    const late = refused(4, 50).filter(({ day, reporter }) => reporter === 'google.com' || day < ago(3));
    expect(failingSince(beside(late, null))?.at).toBeUndefined();
    expect(refusedAt(beside(late, null))).toBeNull();
    expect(refusedAt(beside(refused(4, 50), null))).toMatchObject({ at: ['google.com'] });
  });

  test('that all others refuse later as well fails everywhere', () => {
    const open = failingSince(beside(refused(12, 40), null))!;
    const rows = [
      ...refused(12, 40).filter(({ day, reporter }) => reporter === 'google.com' || day < ago(4)),
      ...span(4, 0, 'foreignSpf', 20, OTHERS),
    ];
    const now = failingSince(beside(rows, null), open);
    expect(now?.at).toBeUndefined();
    expect(now?.reporters).toEqual(['google.com', ...[...OTHERS].sort()]);
  });
});

test('two of five receivers that begin within two days are no trouble of theirs; three days apart they may be', () => {
  const rest = ['gmx.net', 'mail.ru', 'comcast.net'];
  const both = (second: number) => [
    ...span(41, 9, 'dkim', 8, ['google.com']),
    ...span(8, 0, 'foreignSpf', 8, ['google.com']),
    ...span(41, second, 'dkim', 8, ['yahoo.com']),
    ...span(second - 1, 0, 'foreignSpf', 8, ['yahoo.com']),
    ...span(41, 0, 'dkim', 8, rest),
  ];
  expect(failingSince(beside(both(7), 10))).toMatchObject({ since: ago(8), at: ['google.com', 'yahoo.com'], messages: 128 });
  expect(failingSince(beside(both(6), 10))).toBeNull();
});

test('its words name the receiver, and what it alone may demand', () => {
  const broken = new BrokenSenders('example.com', TODAY, []);
  broken.fail(failingSince(beside(refused(10, 40), null))!);
  const [finding] = broken.candidates(null);
  const words = wordsFor(finding!);
  expect(words.title).toBe('google.com alone refuses DKIM of service.example for example.com');
  expect(words.summary).toBe(
    `Mail of example.com through service.example stopped passing DMARC at google.com alone on ${ago(9)} (DKIM): 400 messages failed since`,
  );
  expect(words.what).toContain(`has not at google.com since ${ago(9)}: all 400 messages failed`);
  expect(words.advice[0]).toContain('fewer than 1,024 bits');
  expect(onFile(finding!).evidence.broken).toMatchObject([{ at: ['google.com'] }]);
});
