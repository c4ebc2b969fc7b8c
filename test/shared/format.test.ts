import { expect, test } from 'vitest';
import { counted, list, number, outOf, percent, short } from '../../services/shared/format.ts';

test('percent rounds nothing to all or to nothing', () => {
  expect([0, 0.0001, 0.004, 0.05, 0.13, 0.9951, 0.9988, 0.99999, 1].map(percent)).toEqual([
    '0%',
    'under 0.1%',
    '0.4%',
    '5%',
    '13%',
    '99.5%',
    '99.9%',
    'over 99.9%',
    '100%',
  ]);
});

test('numbers are grouped, and one is singular', () => {
  expect(number(1234567)).toBe('1,234,567');
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
});

test('short cuts what is longer than it may be', () => {
  expect([short('abcdef', 6), short('abcdefg', 6)]).toEqual(['abcdef', 'abcde…']);
});

test('a part of all is said as all', () => {
  const said = (n: number, of: number) => outOf(n, of, 'message');
  expect([said(3, 40), said(40, 40), said(1, 1), said(0, 0), said(2000, 2000)]).toEqual([
    '3 of 40 messages',
    'all 40 messages',
    '1 of 1 message',
    '0 of 0 messages',
    'all 2,000 messages',
  ]);
});
