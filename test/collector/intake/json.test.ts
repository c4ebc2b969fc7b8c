import { expect, test } from 'vitest';
import { BodyError, linesOfBody } from '../../../services/collector/intake/json.ts';
import { Parts } from '../../../services/collector/lines/partial.ts';

const read = (body: string, options: Partial<Parameters<typeof linesOfBody>[1]> = {}) => {
  const { raws, over } = linesOfBody(body, { now: 0, ...options });
  return [raws.map(({ text }) => text), over];
};
const a = '{"message":"a"}';

test.each<[string, string[]]>([
  ['', []],
  [' \n\t', []],
  ['\ufeffa\r\n\n  \nb', ['a', 'b']],
  ['[pod/x/y] a\nb', ['[pod/x/y] a', 'b']],
  [' [Pod] a', [' [Pod] a']],
  [`[${a},[{"message":"b"}],7,"c"]`, ['a', 'b', 'c']],
  [`\ufeff${a}`, ['a']],
  [`${a}\n\n {"message":"b"}\n"c"`, ['a', 'b', 'c']],
  [`${a}{"message":"}{\\"\\\\"}["c"]"d"`.replace('"d"', ''), ['a', '}{"\\', 'c']],
  [`{"message":"[","n":{"m":[1,{}]}}${a}\n${a}`, ['[', 'a', 'a']],
  ['{"message":""}', []],
  ['[\n  {\n    "message": "a"\n  }\n]\n', ['a']],
  ['{"message":"a"}\n  \n{"message":"b"}', ['a', 'b']],
])('%j', (body, lines) => {
  expect(read(body)).toEqual([lines, 0]);
});

test.each([
  ['{"message":"a"', 0],
  [`${a}x`, 15],
  [`${a}{"message":"}`, 15],
  [`{"message":a}`, 0],
  [`${a}]`, 15],
])('%j is no JSON behind character %i', (body, at) => {
  expect(() => read(body)).toThrow(new BodyError(`What follows character ${at} of a line is no JSON.`));
});

test('records beyond the limit are counted', () => {
  expect(read('a\nb\nc\nd', { most: 2 })).toEqual([['a', 'b'], 2]);
  expect(read('a\nb', { most: 2 })).toEqual([['a', 'b'], 0]);
  const many = `${'a\n'.repeat(50_000)}b`;
  expect([read(many)[1], read(many.slice(0, -1))[1]]).toEqual([1, 0]);
});

test('a part that has not ended is as it is, unless more of it may come', () => {
  const begun = '2026-11-27T10:00:00Z stdout P a';
  expect(read(begun)).toEqual([[begun], 0]);
  const parts = new Parts();
  expect(read(begun, { parts })).toEqual([[], 0]);
  expect(read('2026-11-27T10:00:00Z stdout F b', { parts })).toEqual([[`${begun}b`], 0]);
});
