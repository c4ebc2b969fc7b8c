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
    ['31 Feb 2026 00:00:00 +0000', null],
    ['yesterday', null],
  ])('%s', (text, moment) => {
    expect(mailTime(text)).toEqual(moment);
  });
});
