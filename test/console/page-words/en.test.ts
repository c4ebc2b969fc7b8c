import { expect, test } from 'vitest';
import { RULES } from '../../../services/analyzer/rules/index.ts';
import { words } from '../../../services/console/page-words/en.ts';

test('every kind of finding has a name on the pages', () => {
  const kinds = [...new Set(RULES.map(({ kind }) => kind))];
  expect(kinds.filter((kind) => !Object.hasOwn(words.kinds, kind))).toEqual([]);
  expect(kinds.filter((kind) => !/\w+.*\.$/.test(words.kinds_mean[kind] ?? ''))).toEqual([]);
});

test('the week says how much was reported, and how much of it passed where that is known', () => {
  const lead = (over: object) =>
    words.digest.lead({ from: 'A', to: 'B', messages: '5', domains: '2', passing: '80%', before: '4', ...over });
  expect(lead({})).toBe(
    'From A to B, receivers reported 5 messages in the name of 2 domains; 80% passed DMARC. The week before, there were 4.',
  );
  expect(lead({ domains: '1', passing: '' })).toBe(
    'From A to B, receivers reported 5 messages in the name of 1 domain. The week before, there were 4.',
  );
});

test('a sentence about a wrong value ends once', () => {
  expect(words.problems.wrong_parameter('days', 'it must be a number')).toBe(
    'The value of "days" is wrong: it must be a number.',
  );
  expect(words.problems.wrong_parameter('domain', '"x" is not a domain: write example.com.')).toBe(
    'The value of "domain" is wrong: "x" is not a domain: write example.com.',
  );
});
