import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escaped, escapedLines, isBlank, jsonText } from '../../services/shared/escape.ts';

test.each([
  ['a control', '\x1b[31m', '\\u001b[31m'],
  ['a C1 control', '\x9b31m', '\\u009b31m'],
  ['a line feed', 'a\nb', 'a\\u000ab'],
  ['a line separator', 'a\u2028b', 'a\\u2028b'],
  ['a change of direction', '\u202egnp', '\\u202egnp'],
  ['an isolate', '\u2066', '\\u2066'],
  ['a zero width', 'a\u200bb', 'a\\u200bb'],
  ['a filler', '\u3164', '\\u3164'],
  ['a blank of Braille', '\u2800', '\\u2800'],
  ['a tag beyond the first plane', '\u{e0041}', '\\udb40\\udc41'],
  ['a lone surrogate', '\ud800', '\\ud800'],
  ['letters of the world', 'Zażółć 例え 🙂', 'Zażółć 例え 🙂'],
])('%s', (_, text, shown) => {
  expect(escaped(text)).toBe(shown);
});

test('our own text keeps its line feeds, and nothing else', () => {
  expect(escapedLines('a\nb')).toBe('a\nb');
  expect(escapedLines('a\nb\r\u202e')).toBe('a\nb\\u000d\\u202e');
});

test('JSON keeps its value, whatever is in it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = jsonText(value, indent);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(escapedLines(text)).toBe(text);
    }),
  );
  expect(jsonText('\u202e')).toBe('"\\u202e"');
  expect([jsonText({ a: [1] }), jsonText({ a: 1 }, 2)]).toEqual(['{"a":[1]}', '{\n  "a": 1\n}']);
});

test('blanks and what nobody sees are no text', () => {
  expect(['', ' \n\t', '\u200b \u2800', 'a', ' \u200ba '].map(isBlank)).toEqual([true, true, true, false, false]);
});
