import { describe, expect, test } from 'vitest';
import { internetTime, mailTime } from '../../services/report/time.ts';

const at = (iso: string, zoned = true) => ({ seconds: Date.parse(iso) / 1000, zoned });

describe('RFC 3339', () => {
  test.each([
    ['2026-05-01T00:00:00Z', at('2026-05-01T00:00:00Z')],
    ['2026-05-01t23:59:59.999z', at('2026-05-01T23:59:59Z')],
    ['2026-05-01T02:00:00+02:00', at('2026-05-01T00:00:00Z')],
    ['2026-04-30T19:00:00-0500', at('2026-05-01T00:00:00Z')],
    ['2026-05-01 00:00:00', at('2026-05-01T00:00:00Z', false)],
    ['2026-05-01', at('2026-05-01T00:00:00Z', false)],
    ['2016-12-31T23:59:60Z', at('2017-01-01T00:00:00Z')],
    ['1777593600', at('2026-05-01T00:00:00Z')],
    ['1777593600.25', at('2026-05-01T00:00:00Z')],
    // The last second of the year 9999, which every format of time can still write.
    ['253402300799', at('9999-12-31T23:59:59Z')],
    ['253402300800', null],
    ['0100-01-01', at('0100-01-01T00:00:00Z', false)],
    ['0099-12-31', null],
    // The end of a day, the last minute of an hour, and a leap second.
    ['2026-05-01T24:00:00Z', at('2026-05-02T00:00:00Z')],
    ['2026-05-01T25:00:00Z', null],
    ['2026-05-01T12:59:00Z', at('2026-05-01T12:59:00Z')],
    ['2026-05-01T12:60:00Z', null],
    ['2026-05-01T12:00:61Z', null],
    ['2026-01-31T00:00:00Z', at('2026-01-31T00:00:00Z')],
    ['2026-01-32T00:00:00Z', null],
    ['2026-01-00T00:00:00Z', null],
    ['2026-00-01T00:00:00Z', null],
    ['2026-12-01T00:00:00Z', at('2026-12-01T00:00:00Z')],
    ['2026-05-01T05:45:00+05:45', at('2026-05-01T00:00:00Z')],
    ['2026-02-30T00:00:00Z', null],
    ['2026-13-01T00:00:00Z', null],
    ['0026-05-01T00:00:00Z', null],
    ['May 1st', null],
    ['', null],
  ])('%s', (text, moment) => {
    expect(internetTime(text)).toEqual(moment);
  });
});

describe('RFC 5322', () => {
  test.each([
    ['Fri, 01 May 2026 12:00:00 +0000', at('2026-05-01T12:00:00Z')],
    ['1 May 2026 12:00 +0200', at('2026-05-01T10:00:00Z')],
    ['Sat, 8 Oct 2011 15:15:59 -0500 (CDT)', at('2011-10-08T20:15:59Z')],
    ['8 Oct 2011 20:15:58 GMT', at('2011-10-08T20:15:58Z')],
    ['Sat, 08 Oct 2011 13:15:58 PDT', at('2011-10-08T20:15:58Z')],
    ['8 Oct 11 20:15:58 +0000', at('2011-10-08T20:15:58Z')],
    ['8 Oct 2011 20:15:58', at('2011-10-08T20:15:58Z', false)],
    ['8 Oct 2011 20:15:58 MARS', at('2011-10-08T20:15:58Z', false)],
    // Years of two digits (section 4.3): below 50 they are of this century.
    ['8 Oct 49 20:15:58 +0000', at('2049-10-08T20:15:58Z')],
    ['8 Oct 50 20:15:58 +0000', at('1950-10-08T20:15:58Z')],
    ['8 Oct 99 20:15:58 +0000', at('1999-10-08T20:15:58Z')],
    ['8 Oct 2011 20:15:58 +0530', at('2011-10-08T14:45:58Z')],
    ['31 Feb 2026 00:00:00 +0000', null],
    ['yesterday', null],
  ])('%s', (text, moment) => {
    expect(mailTime(text)).toEqual(moment);
  });
});

test.each([
  ['UT', 0],
  ['UTC', 0],
  ['gmt', 0],
  ['Z', 0],
  ['EST', -5],
  ['EDT', -4],
  ['CST', -6],
  ['CDT', -5],
  ['MST', -7],
  ['MDT', -6],
  ['PST', -8],
  ['PDT', -7],
])('the zone %s is %i hours from UTC (RFC 5322 section 4.3)', (zone, hours) => {
  const utc = Date.parse('2011-10-08T12:00:00Z') / 1000;
  expect(mailTime(`8 Oct 2011 12:00:00 ${zone}`)).toEqual({ seconds: utc - hours * 3600, zoned: true });
});

test.each(['Jan', 'February', 'mar', 'APR', 'May', 'June', 'jul', 'Aug', 'Sept', 'oct', 'Nov', 'december'])(
  'knows the month %s',
  (month) => {
    const at = mailTime(`2 ${month} 2026 00:00:00 +0000`)!.seconds;
    expect(new Date(at * 1000).toLocaleString('en', { month: 'long', timeZone: 'UTC' }).toLowerCase()).toContain(
      month.toLowerCase().slice(0, 3),
    );
    expect(new Date(at * 1000).getUTCDate()).toBe(2);
  },
);
