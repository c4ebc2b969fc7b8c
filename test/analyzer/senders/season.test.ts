import { describe, expect, test } from 'vitest';
import { differenceOf, type Swell, seasonOf } from '../../../services/analyzer/senders/season.ts';
import { expectLives } from './invented-senders.ts';

/** A sale of three November days, eight times the usual, through the usual service. */
const SALE: Swell = {
  days: ['2026-11-26', '2026-11-27', '2026-11-28'],
  loudest: '2026-11-27',
  most: 8_000,
  times: 8,
  kind: 'bulk',
  fresh: 0.1,
  failing: 0,
  receivers: 0.1,
  usual: 1_000,
  weekend: 1,
  earlier: [],
};
/** A Sunday of a mailbox provider whose people rest on weekends. */
const TAKEN: Swell = {
  ...SALE,
  days: ['2026-06-14'],
  loudest: '2026-06-14',
  most: 2_100,
  times: 40,
  kind: 'mailbox_provider',
  usual: 50,
  weekend: 0.2,
};
const QUARTER: Swell = { ...SALE, days: ['2026-06-29', '2026-06-30'], loudest: '2026-06-30', kind: null };
const ORDINARY = { days: ['2026-06-10'], loudest: '2026-06-10' };

describe('a swell of mail that passes', () => {
  test.each<[string, Swell, string | null]>([
    ['three November days', SALE, 'calendar'],
    ['the same of own servers', { ...SALE, kind: null }, 'calendar'],
    [
      'the end of a month, which is that of a quarter',
      { ...SALE, days: ['2026-06-30', '2026-07-01'], loudest: '2026-06-30', kind: null },
      'calendar',
    ],
    [
      'a newsletter after 85 days',
      {
        ...SALE,
        ...ORDINARY,
        times: 9_000,
        usual: 0,
        fresh: 1,
        receivers: null,
        earlier: [{ day: '2026-03-17', messages: 7_000 }],
      },
      'recurring',
    ],
    ['a campaign in June', { ...SALE, ...ORDINARY }, 'campaign'],
    ['an account at a mailbox provider, on a Sunday', TAKEN, null],
    ['the same at a month’s end', { ...TAKEN, days: ['2026-05-31'], loudest: '2026-05-31', times: 10 }, null],
    ['out of all proportion, through a service for campaigns', { ...SALE, ...ORDINARY, times: 40 }, null],
    ['the same in November', { ...SALE, times: 40 }, null],
    ['the first November that is seen, twenty times the usual', { ...SALE, times: 20 }, 'calendar'],
    ['the same with some other networks', { ...SALE, times: 20, fresh: 0.2 }, null],
    ['the same, of which some fails', { ...SALE, times: 20, failing: 0.02 }, null],
    ['the same of own servers: a queue run wild', { ...SALE, kind: null, times: 20 }, null],
    ['the first quarter’s end that is seen', { ...QUARTER, times: 24 }, 'calendar'],
    [
      'the last working day of a month that ends a quarter of a fiscal year alone',
      { ...QUARTER, days: ['2026-05-29'], loudest: '2026-05-29', times: 24 },
      'calendar',
    ],
    [
      'the working days around the end of January, which is a weekend',
      { ...QUARTER, days: ['2026-01-29', '2026-01-30', '2026-02-02', '2026-02-04'], loudest: '2026-01-30', times: 20 },
      'calendar',
    ],
    ['the Sunday of such an end', { ...QUARTER, days: ['2026-05-31'], loudest: '2026-05-31', times: 24 }, null],
    ['the third-last working day', { ...QUARTER, days: ['2026-05-27'], loudest: '2026-05-27', times: 24 }, null],
    ['the fourth working day', { ...QUARTER, days: ['2026-05-07'], loudest: '2026-05-07', times: 24 }, null],
    [
      'the first days of a quarter',
      { ...QUARTER, days: ['2026-07-01', '2026-07-02'], loudest: '2026-07-02', times: 24 },
      'calendar',
    ],
    ['the first days of another month', { ...QUARTER, days: ['2026-09-02'], loudest: '2026-09-02', times: 24 }, 'calendar'],
    ['the turn of the year', { ...QUARTER, days: ['2026-12-31', '2027-01-01'], loudest: '2026-12-31', times: 24 }, 'calendar'],
    ['a quarter’s end and a day of no season', { ...QUARTER, days: ['2026-06-28', '2026-06-30'], times: 24 }, null],
    ['a quarter’s end out of all proportion', { ...QUARTER, times: 40 }, null],
    [
      'an account at a mailbox provider on a quarter’s last Sunday',
      { ...TAKEN, days: ['2026-06-28'], loudest: '2026-06-28', times: 20 },
      null,
    ],
    ['from networks that sent nothing before', { ...SALE, fresh: 0.7 }, null],
    ['to other receivers', { ...SALE, receivers: 0.5 }, null],
    ['of own servers in June', { ...SALE, ...ORDINARY, kind: null }, null],
    [
      'on a Sunday as on a Monday, of people who rest on Sundays',
      { ...TAKEN, most: 700, usual: 400, earlier: [{ day: '2026-03-16', messages: 1_000 }] },
      null,
    ],
    [
      'little more than twice the usual, that is, than each day before',
      { ...SALE, ...ORDINARY, kind: null, most: 2_400, times: 2.4, earlier: [{ day: '2026-03-17', messages: 1_000 }] },
      null,
    ],
    ['with a smaller one three months before', { ...TAKEN, earlier: [{ day: '2026-03-17', messages: 300 }] }, null],
    ['with its own beginning last week', { ...TAKEN, earlier: [{ day: '2026-06-07', messages: 2_000 }] }, null],
  ])('%s', (_, swell, why) => expect(seasonOf(swell)?.why ?? null).toBe(why));
});

test('the difference of shares is 0 for the same and 1 for nothing in common', () => {
  const of = (entries: Record<string, number>) => new Map(Object.entries(entries));
  expect(differenceOf(of({ a: 1, b: 3 }), of({ a: 10, b: 30 }))).toBeCloseTo(0);
  expect(differenceOf(of({ a: 1 }), of({ b: 5 }))).toBe(1);
  expect(differenceOf(of({ a: 1 }), of({}))).toBeNull();
});

test('what is said of invented swells is as it was', () => expectLives('season'));
