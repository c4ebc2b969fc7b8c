import { expect, test } from 'vitest';
import { enumerated, excerpt, printable, shown, trimmed, wholeNumber } from '../../services/report/text.ts';

test('an empty element is the same as an absent one', () => {
  expect([trimmed(''), trimmed(' \n\t'), trimmed('\u00a0'), enumerated('  ')]).toEqual([null, null, null, null]);
  expect(trimmed(' a b ')).toBe('a b');
  expect(trimmed('a\u00a0')).toBe('a');
});

test('enumerated values are lower case, beyond ASCII too', () => {
  expect([enumerated('pass'), enumerated(' Pass '), enumerated('É')]).toEqual(['pass', 'pass', 'é']);
});

test.each([
  ['0', 0],
  ['007', 7],
  ['+3', 3],
  ['3.0', 3],
  ['3.', 3],
  ['3.7', 3],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740993', null],
  ['99999999999999999', null],
  ['-1', null],
  ['1e3', null],
  ['1,000', null],
  ['', null],
  ['12a', null],
  ['0x10', null],
])('the count "%s" is %s', (text, n) => {
  expect(wholeNumber(text)).toBe(n);
});

test('text for a sentence is short and on one line', () => {
  expect(excerpt('a\r\n\tb\u007f')).toBe('a b');
  expect(excerpt('abcdef', 3)).toBe('abc…');
  expect(printable('a\0b\n')).toBe('a b');
  expect(printable('\n\t')).toBeNull();
});

test('characters that are not seen are shown by number', () => {
  expect(shown('a\u202eb\u200b')).toBe('a\\u{202e}b\\u{200b}');
  expect(shown('é🙂')).toBe('é🙂');
});
