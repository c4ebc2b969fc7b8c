import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unsignedMail } from '../../../services/analyzer/rules/unsigned_mail.ts';
import type { SentDay } from '../../../services/store/sending/judged.ts';
import { onFile } from '../rows.ts';
import { expectLives } from '../sending/invented-sending.ts';
import { declares, NOW, SHOP_KEY, sendingOf, sent, signedUntil, unsigned } from '../sent-rows.ts';

const find = (days: readonly SentDay[], more = {}) => unsignedMail.find(sendingOf(days, more));
const closed = (open: ReturnType<typeof onFile>, day: string) => ({
  ...open,
  state: 'resolved' as const,
  evidence: { ...open.evidence, resolved_day: day },
});

describe('unsigned mail of a workload that signs', () => {
  test('names the keys of the newest signed day, those of the most messages first, five at most', () => {
    const keys = (...given: [selector: string, messages: number][]) => {
      const newest = given.map(([selector, n]) => sent(n, 3, 1, { selector }));
      const older = signedUntil(25)
        .slice(1)
        .map((one) => ({ ...one, selector: 'old' }));
      const [found] = find([...older, ...newest, unsigned(30, 0.9, 0.5)]);
      return (found!.evidence.facts as { keys: string[] }).keys.map((name) => name.split('.')[0]);
    };
    expect(keys(['b', 40], ['c', 90], ['a', 40])).toEqual(['c', 'a', 'b']);
    expect(keys(['a', 40], ['b', 40], ['c', 90])).toEqual(['c', 'a', 'b']);
    expect(keys(['f', 60], ['e', 50], ['d', 40], ['c', 30], ['b', 20], ['a', 10])).toEqual(['f', 'e', 'd', 'c', 'b']);
  });

  test('all of it since the upgrade: high, with counts and times', () => {
    const [found, ...others] = find([...signedUntil(1), unsigned(3, 0.9, 0.5)]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ kind: 'unsigned_mail', subject: SHOP_KEY, severity: 'high', last_day: '2026-05-29' });
    expect(found!.evidence).toMatchObject({ messages: 3, of: 503 });
    expect(found!.evidence.facts).toMatchObject({
      extent: 'all',
      first_at: '2026-05-29 13:06',
      last_signed_at: '2026-05-29 13:00',
      keys: ['s1._domainkey.example.com'],
      declared: false,
    });
  });

  test.each<[string, SentDay[]]>([
    ['nothing was ever signed', [unsigned(900, 13, 0.1)]],
    ['two messages while the signer is restarted', [...signedUntil(1), unsigned(2, 0.9, 0.8)]],
    ['a burst of a restart, signed since', [...signedUntil(0.1), unsigned(9, 3, 2.98)]],
    ['a small part for a moment', [...signedUntil(0.1), unsigned(20, 0.6, 0.55)]],
    ['it is over for an hour', [...signedUntil(0.1), unsigned(300, 8, 2)]],
    ['it ended a fortnight ago', [sent(500, 500, 400), unsigned(300, 400, 390)]],
  ])('no alarm: %s', (_, days) => expect(find(days)).toEqual([]));

  test.each<[string, SentDay[], string]>([
    ['beside signed mail, for half an hour', [...signedUntil(0.1), unsigned(10, 0.8, 0.2)], 'medium'],
    ['beside signed mail, a twentieth of it', [...signedUntil(0.1), unsigned(30, 0.3, 0.2)], 'medium'],
    ['every night', [...signedUntil(0.1), unsigned(40, 12, 11), unsigned(40, 36, 35), unsigned(40, 60, 59)], 'medium'],
    ['in staging', [...signedUntil(1), unsigned(60, 0.9, 0.1)].map((one) => ({ ...one, environment: 'eu-staging' })), 'low'],
  ])('an alarm: %s', (_, days, severity) => expect(find(days)).toMatchObject([{ severity }]));

  test('declared to sign suffices, by medium severity; declared without a key does not', () => {
    const days = [unsigned(3, 0.9, 0.5)];
    expect(find(days, { declared: declares() })).toMatchObject([{ severity: 'medium' }]);
    const [shop] = declares().senders;
    expect(find(days, { declared: { reference: 'production', senders: [{ ...shop!, signs: false }] } })).toEqual([]);
  });

  test('of a workload that is not declared is left to unauthorized_workload', () => {
    const days = [...signedUntil(1, { workload: 'crm' }), unsigned(30, 0.9, 0.5, { workload: 'crm' })];
    const [open] = find(days);
    expect(open).toBeDefined();
    expect(find(days, { declared: declares() })).toEqual([]);
    expect(unsignedMail.over(onFile(open!), sendingOf(days, { declared: declares() }))).toEqual({ reason: 'not_expected' });
    expect(find(days, { declared: declares('production/crm example.com') })).toHaveLength(1);
  });

  test('each workload and cluster by itself, and no other than the one at fault', () => {
    const other = { cluster: 'us-1' };
    const found = find([
      ...signedUntil(1),
      unsigned(30, 0.9, 0.5),
      ...signedUntil(0.1, other),
      ...signedUntil(0.1, { workload: 'b' }),
    ]);
    expect(found.map(({ subject }) => subject)).toEqual([SHOP_KEY]);
  });

  test('resolves when mail is signed again for an hour, or the workload is gone', () => {
    const [candidate] = find([...signedUntil(6), unsigned(300, 5, 2)]);
    const open = onFile(candidate!);
    const over = (days: SentDay[]) => unsignedMail.over(open, sendingOf(days));
    expect(over([...signedUntil(6), unsigned(300, 5, 2)])).toBeNull();
    expect(over([...signedUntil(6), unsigned(300, 5, 2), sent(4, 1.9, 1.5, { selector: 's2' })])).toBeNull();
    expect(over([...signedUntil(6), unsigned(300, 5, 2), sent(80, 1.9, 0.1, { selector: 's2' })])).toEqual({
      reason: 'signed_again',
      since: '2026-05-29',
    });
    expect(over([sent(500, 500, 400), unsigned(300, 400, 390)])).toEqual({ reason: 'sent_no_more', days: 7 });
    expect(over([])).toEqual({ reason: 'sent_no_more', days: 7 });
  });

  test('goes on while it is open, however little came, and is not opened twice a day', () => {
    const first = [...signedUntil(6), unsigned(300, 5, 2)];
    const open = onFile(find(first)[0]!);
    const more = [...signedUntil(0.1), unsigned(301, 5, 0.3)];
    expect(find(more, { known: [open] })).toHaveLength(1);
    // It was resolved on the newest report day, which is older than the logs.
    expect(find(more, { known: [closed(open, '2026-05-27')] })).toEqual([]);
    const today = [...signedUntil(20), unsigned(300, 1, 0.3)];
    expect(find(today, { known: [closed({ ...open, last_day: '2026-05-28' }, '2026-05-27')] })).toHaveLength(1);
  });

  test('whatever the rows and their order: at most one finding a workload, never both found and over', () => {
    const row = fc.record({
      messages: fc.integer({ min: 1, max: 400 }),
      from: fc.integer({ min: 1, max: 400 }),
      lasts: fc.double({ min: 0, max: 5, noNaN: true }),
      signed: fc.boolean(),
      workload: fc.constantFrom('shop', 'news', ''),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const days = rows.map(({ messages, from, lasts, signed, workload }) =>
          (signed ? sent : unsigned)(messages, from, Math.max(0, from - lasts), { workload }),
        );
        const found = find(days);
        expect(new Set(found.map(({ subject }) => subject)).size).toBe(found.length);
        expect(new Set(find([...days].reverse()).map(({ subject }) => subject))).toEqual(
          new Set(found.map((one) => one.subject)),
        );
        for (const one of found) {
          expect(unsignedMail.over(onFile(one), sendingOf(days))).toBeNull();
          expect(one.first_day <= one.last_day && one.last_day <= NOW.toISOString().slice(0, 10)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('what it says of invented logs is as it was', () => expectLives('unsigned_mail'));
