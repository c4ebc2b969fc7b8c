import { expect, test } from 'vitest';
import { dateOf, keyOf, limitOf, moment, untilOf, wordOf } from '../../../services/cli/terminal/options.ts';

const NOW = new Date('2026-05-01T12:00:00Z');
const usage = expect.objectContaining({ code: 'usage' });

test.each([
  [{}, null],
  [{ for: '12h' }, '2026-05-02T00:00:00.000Z'],
  [{ for: '7d' }, '2026-05-08T12:00:00.000Z'],
  [{ for: '2w' }, '2026-05-15T12:00:00.000Z'],
  [{ until: '2026-05-02' }, '2026-05-02T00:00:00.000Z'],
  [{ until: '2026-05-02T08:00:00+02:00' }, '2026-05-02T06:00:00.000Z'],
])('%j ends at %s', (options, end) => {
  expect(untilOf(options, NOW)?.toJSON() ?? null).toBe(end);
});

test.each([
  { for: '0d' },
  { for: '7' },
  { for: '7m' },
  { for: '-1d' },
  { for: '99999d' },
  { until: 'tomorrow' },
  { until: '2026-13-01' },
  { until: '2026-05-01' },
  { until: '2026-05-01T12:00:00Z' },
  { until: '2026-05-02T08:00:00' },
  { until: '2026-05-02', for: '1d' },
])('%j is refused', (options) => {
  expect(() => untilOf(options, NOW)).toThrow(usage);
});

test('who and why are recorded, and a reason is demanded', () => {
  expect(wordOf({ by: ' Ada ', why: ' ticket 7 ' })).toEqual({ by: 'Ada', why: 'ticket 7' });
  expect(wordOf({ why: 'x' }).by).not.toBe('');
  expect(() => wordOf({ by: 'Ada', why: ' ' })).toThrow(usage);
});

test('keys and limits are whole numbers above 0', () => {
  expect([keyOf('1', 'finding'), keyOf('17', 'finding')]).toEqual([1, 17]);
  for (const text of ['', '0', '-1', '1.5', 'x', '1e999']) expect(() => keyOf(text, 'finding')).toThrow(usage);
  expect([limitOf(undefined), limitOf('1'), limitOf('3')]).toEqual([50, 1, 3]);
  for (const text of ['0', '-1', '1.5', 'x']) expect(() => limitOf(text)).toThrow(usage);
  expect(() => limitOf('0')).toThrow(/^--limit must be/);
  expect(() => limitOf('0', '--days')).toThrow(/^--days must be/);
});

test('moments are shown in UTC', () => {
  expect(moment(NOW)).toBe('2026-05-01 12:00');
});

test('a day or moment is read, and what is none is refused with its option', () => {
  expect(['2026-12-01', '2026-12-01T08:00:00Z'].map((text) => dateOf(text, '--from')!.toJSON())).toEqual([
    '2026-12-01T00:00:00.000Z',
    '2026-12-01T08:00:00.000Z',
  ]);
  expect(dateOf(undefined, '--from')).toBeNull();
  for (const text of ['', 'yesterday', '1 December 2026', '2026-13-01'])
    expect(() => dateOf(text, '--from'), text).toThrow(`--from "${text}" is not a date: write 2026-12-01.`);
});
