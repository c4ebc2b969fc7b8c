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
