import { expect, test } from 'vitest';
import { counted, durationText, list, number, outOf, percent, sentenceCase, short } from '../../services/shared/format.ts';

test('percent rounds nothing to all or to nothing', () => {
  const said = [
    0, 0.0001, 0.001, 0.004, 0.05, 0.0996, 0.104, 0.13, 0.134, 0.9851, 0.9951, 0.9988, 0.999, 0.99999, 1, 1.004, 2.506,
  ];
  expect(said.map(percent)).toEqual([
    '0%',
    'under 0.1%',
    '0.1%',
    '0.4%',
    '5%',
    '10%',
    '10%',
    '13%',
    '13%',
    '99%',
    '99.5%',
    '99.9%',
    '99.9%',
    'over 99.9%',
    '100%',
    '100%',
    '251%',
  ]);
});

test('numbers are grouped, and one is singular', () => {
  expect([0, 1, 999, 1000, 1234567, -1234, 0.5].map(number)).toEqual(['0', '1', '999', '1,000', '1,234,567', '-1,234', '0.5']);
  expect([0, 1, 2000].map((n) => counted(n, 'message'))).toEqual(['0 messages', '1 message', '2,000 messages']);
  expect(counted(2, 'mail waits', 'mails wait')).toBe('2 mails wait');
});

test('a list names as many as it may and counts the others', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((names) => list(names))).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
    'a, b and 2 more',
  ]);
  expect(list(['a', 'b', 'c'], 3, 1200)).toBe('a, b and 1,198 more');
  expect(list(['a'], 3, 2)).toBe('a and 1 more');
});

test('short cuts what is longer than it may be', () => {
  expect([short('abcdef', 6), short('abcdefg', 6)]).toEqual(['abcdef', 'abcde…']);
  expect(['x'.repeat(80), 'x'.repeat(81)].map((name) => short(name))).toEqual(['x'.repeat(80), `${'x'.repeat(79)}…`]);
});

test('a part of all is said as all', () => {
  const said = (n: number, of: number) => outOf(n, of, 'message');
  expect([said(3, 40), said(40, 40), said(1, 1), said(2, 2), said(0, 0), said(2000, 2000)]).toEqual([
    '3 of 40 messages',
    'all 40 messages',
    '1 of 1 message',
    'all 2 messages',
    '0 of 0 messages',
    'all 2,000 messages',
  ]);
});

test('a length of time is told in its two largest units', () => {
  const said = [0, 0.4, 0.6, 1, 59, 60, 61, 90, 3_599, 3_600, 3_661, 7_200, 86_399, 86_400, 86_401, 90_060, 108_000, 180_000];
  expect(said.map(durationText)).toEqual([
    '0 seconds',
    '0 seconds',
    '1 second',
    '1 second',
    '59 seconds',
    '1 minute',
    '1 minute and 1 second',
    '1 minute and 30 seconds',
    '59 minutes and 59 seconds',
    '1 hour',
    '1 hour and 1 minute',
    '2 hours',
    '23 hours and 59 minutes',
    '1 day',
    '1 day and 1 second',
    '1 day and 1 hour',
    '1 day and 6 hours',
    '2 days and 2 hours',
  ]);
});

test('a sentence begins with an upper case letter', () => {
  expect(['the mail', 'A', 'ß', ''].map(sentenceCase)).toEqual(['The mail', 'A', 'SS', '']);
});
