import { expect, test } from 'vitest';
import { findingText } from '../../services/mails/finding-text.ts';
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
