import { expect, test } from 'vitest';
import { badge, findingHtml, linkedTo } from '../../services/mails/finding-html.ts';
import { contentOf } from '../../services/mails/finding-words.ts';
import { bodyOf, CASES, expectCases } from './cases.ts';

test('each case as HTML', () =>
  expectCases('html.txt', ({ event, step, console }) => bodyOf(findingHtml('Title', contentOf(event, step, console ?? null)))));

test('the frame says in its title what the mail is about, and knows dark schemes', () => {
  const { event, step } = CASES['first mail']!;
  const html = findingHtml('<Title>', contentOf(event, step));
  expect(html).toContain('<title>&lt;Title&gt;</title>');
  expect(html).toContain('@media (prefers-color-scheme: dark)');
});

test('a severity has its colour, and one that is not known that of information', () => {
  const colour = (severity: string) => /background:(#\w+);color:#ffffff/.exec(badge(severity))![1];
  expect(colour('critical')).toBe('#b3123a');
  expect(colour('odd')).toBe(colour('info'));
});

test('words are a link where there is a page', () => {
  expect(linkedTo(null, '<b>x</b>')).toBe('<b>x</b>');
  expect(linkedTo('https://console.example/?a&b', 'x')).toContain('href="https://console.example/?a&amp;b"');
});
