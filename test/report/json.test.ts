import { expect, test } from 'vitest';
import { readJson, skipBlank } from '../../services/report/json.ts';
import { DEFAULT_LIMITS, Refusal } from '../../services/report/limits.ts';

const read = (text: string, limits = DEFAULT_LIMITS) => readJson(text, 0, limits);
const code = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error instanceof Refusal ? error.code : error;
  }
  return null;
};

test('one document is read, and what follows it may be another', () => {
  const text = '{"a": [1, "}]\\"", {}]} \n{"b": 2}\0\x1a';
  const first = read(text);
  expect(first.value).toEqual({ a: [1, '}]"', {}] });
  const second = readJson(text, first.next, DEFAULT_LIMITS);
  expect(second).toEqual({ value: { b: 2 }, next: text.length });
  expect(skipBlank('\ufeff \t\r\n\0x', 0)).toBe(6);
});

test('depth and number of values are limited before anything is parsed', () => {
  const limits = { ...DEFAULT_LIMITS, elementDepth: 3, jsonValues: 5 };
  expect(code(() => read('[[[]]]', limits))).toBeNull();
  expect(code(() => read('[[[[]]]]', limits))).toBe('json_too_deep');
  expect(code(() => read('[1,2,3,4,5]', limits))).toBeNull();
  expect(code(() => read('[1,2,3,4,5,6]', limits))).toBe('too_many_values');
  // Brackets and commas within strings are text.
  expect(code(() => read('["[[[[,,,,,,"]', limits))).toBeNull();
});

test('what is damaged or cut off is said to be so', () => {
  expect(() => read('{"a": }')).toThrow(/is damaged/);
  expect(() => read('{"a": [1,')).toThrow(/is cut off after 9 characters/);
});

test.each([
  ['{"a": "\\\\"} x', 1, '{"a": "\\\\"}'],
  ['["\\"]"] []', 1, '["\\"]"]'],
  ['{"a": [1, {"b": []}]}\r\n\t \0\x1a\ufeff', 0, '{"a": [1, {"b": []}]}'],
])('%j ends where its first bracket is closed', (text, more, document) => {
  const found = readJson(`  ${text}`, 2, DEFAULT_LIMITS);
  expect(found.value).toEqual(JSON.parse(document));
  expect(found.next).toBe(more === 1 ? 2 + document.length + 1 : text.length + 2);
});

test('which characters are blank', () => {
  const blanks = Array.from({ length: 0x10000 }, (_, c) => c).filter((c) => skipBlank(String.fromCharCode(c), 0) === 1);
  expect(blanks).toEqual([0, 9, 10, 11, 12, 13, 26, 32, 0xfeff]);
  expect([skipBlank('', 0), skipBlank('  ', 5), skipBlank('a b', 1)]).toEqual([0, 5, 2]);
});

test('what is refused says its limit and where it is cut off', () => {
  const message = (text: string, start = 0) => {
    try {
      readJson(text, start, { ...DEFAULT_LIMITS, elementDepth: 2, jsonValues: 3 });
    } catch (error) {
      return (error as Error).message;
    }
    return null;
  };
  expect(message('{"a": {"b": [')).toBe('The JSON document nests more than 2 deep.');
  expect(message('[1, 2, 3, 4')).toBe('The JSON document holds more than 3 values.');
  expect(message('{"a": "b')).toBe('The JSON document is cut off after 8 characters; ask the reporter to send it again.');
  expect(message('x {"a": "b\\', 2)).toBe('The JSON document is cut off after 9 characters; ask the reporter to send it again.');
  expect(message('{"a"}')).toBe('The JSON document is damaged; ask the reporter to send it again.');
  expect(message(']')).toBe('The JSON document is damaged; ask the reporter to send it again.');
});
