import { expect, test } from 'vitest';
import { byGravity, rankOf } from '../../services/shared/severity.ts';
import { gravestFirst } from '../../services/store/findings/gravest-first.ts';

test('sorts the gravest first and what is not known last', () => {
  const sorted = ['low', 'odd', 'critical', 'info', 'high', 'medium'].map((severity) => ({ severity })).sort(byGravity);
  expect(sorted.map(({ severity }) => severity)).toEqual(['critical', 'high', 'medium', 'low', 'info', 'odd']);
  expect([rankOf('info'), rankOf('critical'), rankOf('odd')]).toEqual([0, 4, -1]);
});

test('the database sorts in the same order', () => {
  expect(gravestFirst('f.severity')).toBe("array_position(array['critical', 'high', 'medium', 'low', 'info'], f.severity)");
});
