import { expect, test } from 'vitest';
import * as window from '../../../services/analyzer/rules/window.ts';
import { ago, row } from '../rows.ts';

test('days are sums over reporters, oldest first, without what a forwarder broke', () => {
  const rows = [
    row(ago(0), 'dkim', 5),
    row(ago(0), 'foreign', 2, { reporter: 'yahoo.com' }),
    row(ago(0), 'unauthenticated', 1, { reporter: 'gmx.net' }),
    row(ago(3), 'dkim', 1),
    row(ago(1), 'list', 9),
  ];
  expect(window.days(rows)).toEqual([
    { day: ago(3), passed: 1, failed: 0 },
    { day: ago(0), passed: 5, failed: 3 },
  ]);
});

test('reporters and signers are those with the most messages', () => {
  const rows = [
    row(ago(0), 'foreign', 5, { reporter: 'a', signing_domain: 'small.example' }),
    row(ago(1), 'foreign', 9, { reporter: 'b', signing_domain: 'large.example' }),
    row(ago(2), 'foreign', 5, { reporter: 'a', signing_domain: null }),
  ];
  expect(window.reportersOf(rows)).toEqual(['a', 'b']);
  expect(window.signerOf(rows)).toBe('large.example');
  expect(window.signerOf([row(ago(0), 'both', 1)])).toBeNull();
});

test('a tenth of the failing mail called forwarded speaks for all of it', () => {
  const said = (failed_forwarded: number, failing = 100) =>
    window.saidToForward({ ...window.total([]), messages: failing + 50, passed: 50, failed_forwarded });
  expect([said(9), said(10), said(0, 0)]).toEqual([false, true, false]);
});

test('ten messages of two reporters or two days are evidence; a single report needs more', () => {
  const seen = (messages: number, reporters: string[], days: number) => ({ messages, reporters, days });
  const on = (n: number, known: string[] = []) => ({ day: ago(n), messages: 1, reporters: ['a', 'b'], known });
  expect(window.isEvidence(seen(9, ['a', 'b'], 2), [])).toBe(false);
  expect(window.isEvidence(seen(10, ['a', 'b'], 1), [])).toBe(true);
  expect(window.isEvidence(seen(10, ['a'], 2), [])).toBe(true);
  expect(window.isEvidence(seen(5, ['a'], 2), [], 5)).toBe(true);
  expect(window.isEvidence(seen(99, ['a'], 1), [on(0), on(1)])).toBe(false);
  expect(window.isEvidence(seen(100, ['a'], 1), [on(0)])).toBe(false);
  expect(window.isEvidence(seen(100, ['a'], 1), [on(0), on(1)])).toBe(true);
  expect(window.isEvidence(seen(100, ['a'], 1), [on(0, ['a'])])).toBe(true);
  expect(window.isEvidence(seen(100, ['x'], 1), [on(0, ['a']), on(1, ['a'])])).toBe(false);
});

test('a kind is settled up to the day of its resolution', () => {
  const finding = (state: string, evidence: object) => ({ kind: 'k', subject: 's', state, last_day: ago(5), evidence }) as never;
  expect(window.settledUntil([finding('resolved', { resolved_day: ago(2) })], 'k', 's')).toBe(ago(2));
  expect(window.settledUntil([finding('resolved', {})], 'k', 's')).toBe(ago(5));
  expect(window.settledUntil([finding('open', {})], 'k', 's')).toBe('');
  expect(window.settledUntil([finding('resolved', {})], 'other', 's')).toBe('');
  expect(window.openOf([finding('open', {})], 'k', 's')).toBeDefined();
  expect(window.openOf([finding('resolved', {})], 'k', 's')).toBeUndefined();
});

test('mail passes by what is aligned', () => {
  const by = (dkim_aligned: number, spf_aligned: number) => window.passedBy({ dkim_aligned, spf_aligned });
  expect([by(0, 5), by(5, 0), by(5, 1)]).toEqual(['spf', 'dkim', 'both']);
});

test('the open finding of a sender is about itself, or about one of its sources', () => {
  const finding = (finding_key: number, subject: string, more = {}) =>
    ({ finding_key, kind: 'k', state: 'open', subject, evidence: {}, last_day: ago(finding_key), ...more }) as never;
  const others = [
    finding(1, 'a', { kind: 'other' }),
    finding(2, 'a', { state: 'resolved' }),
    finding(3, 'stranger'),
    finding(4, 'sender', { state: 'resolved' }),
  ];
  const of = (...known: never[]) => {
    const sender = {
      known: [...others, ...known],
      source: 'sender',
      of: { sources: [{ source: 'a' }, { source: 'b' }] },
    } as never;
    return [window.openOfSender(sender, 'k')?.finding_key, window.settledOfSender(sender, 'k')];
  };
  expect(of()).toEqual([undefined, ago(2)]);
  expect(of(finding(5, 'b'))).toEqual([5, ago(2)]);
  expect(of(finding(5, 'b'), finding(6, 'sender'), finding(7, 'a'))).toEqual([6, ago(2)]);
});
