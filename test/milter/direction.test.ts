import { expect, test } from 'vitest';
import { asDirected } from '../../services/milter/direction.ts';

test('a text without marks of direction has one order', () => {
  expect(asDirected('Ada Lovelace <ada@example.com>')).toEqual([]);
});

test.each([
  ['an override', '\u202eecalevoL adA', 'Ada Lovelace'],
  ['an override that ends', 'Ada \u202eecalevoL\u202c, CEO', 'Ada Lovelace, CEO'],
  ['an override within an override', '\u202ee\u202dlac\u202cevoL\u202c', 'Lovelace'],
  ['an embedding, which turns no letters', '\u202bLovelace', 'Lovelace'],
  ['runs that marks part, in a line from the right', '\u202bcom\u200f.\u200fexample\u202c', 'example.com'],
  ['letters of a script from the right', '\u200e\u05d0\u05d1 x', '\u05d1\u05d0 x'],
  ['an end without a beginning', 'Ada\u202c\u2069 Lovelace', 'Ada Lovelace'],
])('%s', (_, text, shown) => {
  expect(asDirected(text)).toContain(shown);
});

test('many marks cost no more than their number', () => {
  expect(asDirected('\u202e'.repeat(4_000) + 'a\u202d'.repeat(2_000))).toHaveLength(2);
});
