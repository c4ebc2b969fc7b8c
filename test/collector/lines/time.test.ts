import { describe, expect, test } from 'vitest';
import { readTime } from '../../../services/collector/lines/time.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const read = (text: string, now = NOW) => {
  const at = readTime(text, now);
  return at === null ? null : new Date(at).toISOString();
};

describe('RFC 3339 and its variants', () => {
  test.each([
    ['2026-11-27T14:20:01Z', '2026-11-27T14:20:01.000Z'],
    ['2026-11-27 14:20:01', '2026-11-27T14:20:01.000Z'],
    ['2026-11-27T14:20:01.5Z', '2026-11-27T14:20:01.500Z'],
    ['2026-11-27T14:20:01,25Z', '2026-11-27T14:20:01.250Z'],
    ['2026-11-27T14:20:01.123456789+01:00', '2026-11-27T13:20:01.123Z'],
    ['2026-11-27T14:20:01-0530', '2026-11-27T19:50:01.000Z'],
    ['2026-11-27T14:20:01.007', '2026-11-27T14:20:01.007Z'],
    ['2026-11-27T14:20:60Z', '2026-11-27T14:20:59.000Z'],
    ['2026-01-31T00:00:00Z', '2026-01-31T00:00:00.000Z'],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['1999-12-01T23:59:59Z', '1999-12-01T23:59:59.000Z'],
    ['2026-02-29T00:00:00Z', null],
    ['2026-04-31T00:00:00Z', null],
    ['2026-11-00T00:00:00Z', null],
    ['2026-00-01T00:00:00Z', null],
    ['2026-13-01T00:00:00Z', null],
    ['2026-11-27T24:00:00Z', null],
    ['2026-11-27T23:60:00Z', null],
    ['2026-11-27', null],
    ['2026-11-27T14:20Z', null],
    ['2026-11-27T14:20:01+1', null],
    ['', null],
  ])('%s is %s', (text, at) => expect(read(text)).toBe(at));
});

describe('RFC 3164, without a year', () => {
  test.each([
    ['Nov 27 14:20:01', '2026-11-27T14:20:01.000Z'],
    ['Nov  7 14:20:01', '2026-11-07T14:20:01.000Z'],
    ['Nov 7 14:20:01.25', '2026-11-07T14:20:01.250Z'],
    ['Nov 7 14:20:01.123456', '2026-11-07T14:20:01.123Z'],
    ['Jan  1 00:00:60', '2026-01-01T00:00:59.000Z'],
    // A day ahead at most: else it is of last year.
    ['Nov 28 12:00:00', '2026-11-28T12:00:00.000Z'],
    ['Nov 28 12:00:01', '2025-11-28T12:00:01.000Z'],
    ['Dec 31 23:59:59', '2025-12-31T23:59:59.000Z'],
    ['Feb 29 10:00:00', null],
    ['Apr 31 10:00:00', null],
    ['Nov  0 10:00:00', null],
    ['Nov 27 10:60:00', null],
    ['Nuv 27 10:00:00', null],
    ['nov 27 10:00:00', null],
  ])('%s is %s', (text, at) => expect(read(text)).toBe(at));

  test('on New Year’s Eve, by a clock that is ahead, it is of the next year', () => {
    expect(read('Jan  1 00:10:00', Date.parse('2026-12-31T23:50:00Z'))).toBe('2027-01-01T00:10:00.000Z');
    expect(read('Dec 31 23:50:00', Date.parse('2027-01-01T00:10:00Z'))).toBe('2026-12-31T23:50:00.000Z');
  });

  test('the leap day of the year before is found', () => {
    expect(read('Feb 29 10:00:00', Date.parse('2029-01-05T00:00:00Z'))).toBe('2028-02-29T10:00:00.000Z');
  });
});

test.each([
  ['27-Nov-2026 10:00:00.123', '2026-11-27T10:00:00.123Z'],
  ['27-Nov-2026 10:00:60.000', '2026-11-27T10:00:59.000Z'],
  ['31-Nov-2026 10:00:00.123', null],
  ['27-Xyz-2026 10:00:00.123', null],
  ['27-Nov-2026 10:00:00', null],
])('as BIND writes it, %s is %s', (text, at) => expect(read(text)).toBe(at));

test.each([
  ['jan', 1],
  ['feb', 2],
  ['mar', 3],
  ['apr', 4],
  ['may', 5],
  ['jun', 6],
  ['jul', 7],
  ['aug', 8],
  ['sep', 9],
  ['oct', 10],
  ['nov', 11],
  ['dec', 12],
])('%s is month %i', (name, month) => {
  const text = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  expect(read(`01-${text}-2025 00:00:00.000`)).toBe(`2025-${String(month).padStart(2, '0')}-01T00:00:00.000Z`);
});
