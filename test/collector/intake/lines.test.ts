import { expect, test } from 'vitest';
import { cutLines, LineCutter } from '../../../services/collector/intake/lines.ts';

const cut = (text: string, size: number, most = 100) => {
  const cutter = new LineCutter(most);
  const octets = Buffer.from(text);
  const found: string[] = [];
  for (let at = 0; at < octets.length; at += size) found.push(...cutter.push(octets.subarray(at, at + size)));
  return [...found, ...cutter.end(), ...cutter.end()];
};

test.each<[string, string[]]>([
  ['a\nb\r\nc', ['a', 'b', 'c']],
  ['\n\r\n \n\ta\n', ['\ta']],
  ['ä\nß\r', ['ä', 'ß']],
  ['', []],
])('%j, in pieces of any length', (text, lines) => {
  for (const size of [1, 2, 3, 1_000]) expect(cut(text, size)).toEqual(lines);
});

test.each([1, 2, 3, 4, 5, 7, 1_000])('of a long line the begin is kept, in pieces of %i', (size) => {
  expect(cut('abcdefgh\nijklm\nnopqrstuv\nxyz', size, 5)).toEqual(['abcde', 'ijklm', 'nopqr', 'xyz']);
});

test('a text that is too long is cut, and all else of a line stays', () => {
  const raws = [
    { text: 'abcde', host: 'x' },
    { text: 'abcdef', host: 'y' },
  ];
  expect(cutLines(raws, 5)).toEqual([
    { text: 'abcde', host: 'x' },
    { text: 'abcde', host: 'y' },
  ]);
});
