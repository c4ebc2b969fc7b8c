import { expect, test } from 'vitest';
import { RULES } from '../../../services/analyzer/rules/index.ts';
import { words } from '../../../services/console/page-words/en.ts';

test('every kind of finding has a name on the pages', () => {
  const kinds = [...new Set(RULES.map(({ kind }) => kind))];
  expect(kinds.filter((kind) => !Object.hasOwn(words.kinds, kind))).toEqual([]);
  expect(kinds.filter((kind) => !/\w+.*\.$/.test(words.kinds_mean[kind] ?? ''))).toEqual([]);
});
