import { expect, test } from 'vitest';
import { forwardingOdds } from '../../../services/analyzer/sources/forwarding.ts';
import { ago, row } from '../rows.ts';
import { expectLives } from '../statistics/invented-habits.ts';

/** What all mail of the domain came to at each receiver, and what one source's did. */
const odds = (all: Record<string, number>, own: Record<string, number>) =>
  forwardingOdds(
    Object.entries(own).map(([reporter, n]) => row(ago(0), 'dkim', n, { reporter })),
    Object.entries(all).map(([reporter, messages]) => ({
      day: ago(0),
      reporter,
      messages,
      background: 0,
      networks: 0,
      background_below: 0,
      networks_below: 0,
      contradicted: 0,
      dkim_aligned: 0,
      spf_aligned: 0,
    })),
  );

const ALL = { 'google.com': 6_000, 'outlook.com': 3_000, 'yahoo.com': 1_000 };

test('mail that ends where all mail of the domain ends is that of a sender', () => {
  expect(odds(ALL, { 'google.com': 60, 'outlook.com': 30, 'yahoo.com': 10 })).toBeLessThan(-1);
});

test('mail that ends at one receiver, more than its share, is that of a forwarder', () => {
  expect(odds(ALL, { 'yahoo.com': 50 })).toBeGreaterThan(1);
  expect(odds(ALL, { 'google.com': 5, 'outlook.com': 3, 'yahoo.com': 90 })).toBeGreaterThan(1);
  // All at the receiver where most mail of the domain ends says less.
  expect(odds(ALL, { 'google.com': 50 })).toBeLessThan(odds(ALL, { 'yahoo.com': 50 }));
});

test('the more is seen, the surer it is, and a few messages say little', () => {
  const at = (n: number) => odds(ALL, { 'yahoo.com': n });
  expect(at(1)).toBeLessThan(at(5));
  expect(at(5)).toBeLessThan(at(50));
  expect(Math.abs(odds(ALL, { 'google.com': 1 }))).toBeLessThan(1);
});

test('a receiver that hardly any mail goes to proves little by itself', () => {
  expect(odds({ ...ALL, 'tiny.example': 1 }, { 'tiny.example': 1 })).toBeLessThan(
    odds({ ...ALL, 'tiny.example': 1 }, { 'tiny.example': 5 }),
  );
});

test('nothing is said without mail, or where a single reporter speaks', () => {
  expect(odds({}, { 'google.com': 9 })).toBe(0);
  expect(odds(ALL, {})).toBe(0);
  expect(odds({ 'google.com': 100 }, { 'google.com': 9 })).toBe(0);
});

test('the odds of invented mail are as they were', () => expectLives('odds'));
