import { expect, test } from 'vitest';
import { asDirected } from '../../services/milter/direction.ts';

test('a text without marks of direction has one order', () => {
  expect(asDirected('Ada Lovelace <ada@example.com>')).toEqual([]);
});

/** As it is shown in a line that begins at the left, and in one that begins at the right. */
test.each<[string, string, string, string?]>([
  ['an override', '\u202eecalevoL adA', 'Ada Lovelace'],
  ['an override that ends', 'Ada \u202eecalevoL\u202c, CEO', 'Ada Lovelace, CEO', 'CEO ,Lovelace Ada'],
  ['an override within an override', '\u202ee\u202dlac\u202cevoL\u202c', 'Lovelace'],
  ['an override within as many as there may be', `${'\u202e'.repeat(63)}ab\u202dcd\u202cef`, 'fedcba'],
  ['an override at the last level', `${'\u202b'.repeat(62)}\u202a\u202eab`, 'ba', 'ab'],
  ['an override beyond the last level, which turns nothing', `${'\u202b'.repeat(63)}\u202eab`, 'ab'],
  ['an override from the left', '\u202dab \u05d0\u05d1\u202c', 'ab \u05d0\u05d1'],
  ['an embedding, which turns no letters', '\u202bLovelace', 'Lovelace'],
  ['an embedding that ends an override', '\u202eab\u202bcd\u202cef', 'fecdba'],
  ['an embedding from the left that ends an override', '\u202eab\u202acd\u202cef\u202cg', 'fecdbag'],
  ['an embedding from the left in one from the right', 'a\u202b\u05d0 \u202ab c\u202c\u05d1\u202cd', 'a\u05d1b c \u05d0d'],
  ['embeddings of one direction', '\u202b\u202bab-\u05d0\u202c\u202c', '\u05d0-ab'],
  ['embeddings from the left', '\u202a\u202aab-\u05d0\u202c-\u05d0', '\u05d0-ab-\u05d0'],
  ['isolates', 'x\u2067ab-\u2066cd-\u2069ef\u2069y', 'xab-cd-efy'],
  ['an isolate from the left', '\u2066-\u05d0\u05d1+\u2069', '-\u05d1\u05d0+'],
  ['an isolate from the right', '\u2067-ab+\u2069', '+ab-'],
  ['an isolate whose direction is that of its text', '\u2068-\u05d0\u05d1+\u2069', '-\u05d1\u05d0+'],
  ['a sign before all letters', '\u202b-ab', 'ab-'],
  ['an isolate that takes the direction of its text', '\u2068ab-\u2069-\u05d0', 'ab--\u05d0', '\u05d0-ab-'],
  ['runs that marks part, in a line from the right', '\u202bcom\u200f.\u200fexample\u202c', 'example.com'],
  ['letters of a script from the right', '\u200e\u05d0\u05d1 x', '\u05d1\u05d0 x', 'x \u05d1\u05d0'],
  ['marks of Arabic letters', '\u061ca-\u061cb', 'a-b', 'b-a'],
  ['a mark for the left, which counts as a letter', '\u200e-a-', '-a-', '--a'],
  ['digits, which count as letters', '\u202e1 2\u202c 3', '2 1 3', '3 2 1'],
  ['what is between letters', '\u200ea-\u05d0-\u05d1-b', 'a-\u05d1-\u05d0-b', 'b-\u05d1-\u05d0-a'],
  ['what is between letters of an embedding', 'a\u202b\u05d0-b\u202cc', 'ab-\u05d0c'],
  ['several signs between two letters', '\u200e\u05d0-+\u05d1*/', '\u05d1+-\u05d0*/', '/*\u05d1+-\u05d0'],
  ['an end without a beginning', 'Ada\u202c\u2069 Lovelace', 'Ada Lovelace'],
])('%s', (_, text, fromLeft, fromRight = fromLeft) => {
  expect(asDirected(text)).toEqual([fromLeft, fromRight]);
});

test('many marks cost no more than their number', () => {
  expect(asDirected('\u202e'.repeat(4_000) + 'a\u202d'.repeat(2_000))).toHaveLength(2);
});
