import { expect, test } from 'vitest';
import { addDays, dayOf, daysBetween, earlier, isWeekend, later } from '../../services/shared/days.ts';

test('a day is that of UTC', () => {
  expect(dayOf(new Date('2026-03-29T00:30:00+02:00'))).toBe('2026-03-28');
});

test('days are added over ends of months, leap days and changes of the clock', () => {
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
  expect(addDays('2026-03-29', 1)).toBe('2026-03-30');
  expect(addDays('2026-03-01', -1)).toBe('2026-02-28');
  expect(addDays('2026-03-01', 0)).toBe('2026-03-01');
});

test('both ends belong to a span, and there is none backwards', () => {
  expect(daysBetween('2026-02-27', '2026-03-01')).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
  expect(daysBetween('2026-03-01', '2026-03-01')).toEqual(['2026-03-01']);
  expect(daysBetween('2026-03-02', '2026-03-01')).toEqual([]);
});

test('days compare as texts', () => {
  expect([earlier('2026-09-30', '2026-10-01'), later('2026-09-30', '2026-10-01')]).toEqual(['2026-09-30', '2026-10-01']);
  expect([earlier('2026-10-01', '2026-09-30'), later('2026-10-01', '2026-09-30')]).toEqual(['2026-09-30', '2026-10-01']);
});

test('Saturday and Sunday are the weekend', () => {
  expect(daysBetween('2026-05-29', '2026-06-01').map(isWeekend)).toEqual([false, true, true, false]);
});

test('and so they are over many years, asked twice', () => {
  const days = daysBetween('2012-01-01', '2026-12-31');
  for (const day of [...days, ...days]) expect(isWeekend(day)).toBe([0, 6].includes(new Date(`${day}T12:00:00Z`).getUTCDay()));
});
