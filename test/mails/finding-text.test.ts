import { expect, test } from 'vitest';
import { adviceLines, findingText, overLines } from '../../services/mails/finding-text.ts';
import { contentOf } from '../../services/mails/finding-words.ts';
import { CASES, expectCases } from './cases.ts';

test('each case as a text', () =>
  expectCases('text.txt', ({ event, step, console }) => findingText(contentOf(event, step, console ?? null))));

test.each(['nothing is known', 'first mail'])('%s: advice goes on to the 34th line, before what can be done', (name) => {
  const { event, step } = CASES[name]!;
  const advice = Array.from({ length: 40 }, (_, i) => `Do ${i}.`);
  const lines = findingText({ ...contentOf(event, step), advice }).split('\n');
  expect(lines.indexOf('In ruawatch:')).toBe(35);
  expect(lines[33]).toMatch(/^ {12}- Do \d+\.$/);
  expect(lines[34]).toBe('');
});

test('the first sentence of advice is whole, whatever room there is, and each other needs its room', () => {
  expect(adviceLines(['a', 'b', 'c'], 0)).toEqual(['- a']);
  expect(adviceLines(['a', 'b', 'c'], 1)).toEqual(['- a']);
  expect(adviceLines(['a', 'b', 'c'], 2)).toEqual(['- a', '- b']);
});

test('of what it was the fullest sentence is said that fits a line, or else the last', () => {
  const { event } = CASES['first mail']!;
  const was = (...lengths: number[]) =>
    overLines({ ...contentOf(event, 'resolved'), was: lengths.map((length) => 'w'.repeat(length)) })[1]!.length;
  expect([was(79, 78, 77), was(80, 79), was(81, 80, 79, 12)]).toEqual([78, 79, 12]);
});
