import { expect, test } from 'vitest';
import { z } from 'zod';
import { GuardFileError, GuardText } from '../../../services/dns/guard/mistakes.ts';

const TEXT = `a:
  - one
  - b: &x
      c: 1
d: *x
e:
  <<: *x
  f: 2
`;

test.each([
  [['a'], 1],
  [['a', 0], 2],
  [['a', 1, 'b'], 3],
  [['a', 1, 'b', 'c'], 4],
  // Through an alias; and as deep as the path leads.
  [['d', 'c'], 4],
  [['d', 'missing'], 5],
  [['a', 7, 'b'], 1],
  [['e', 'f'], 8],
  [['e', 'c'], 6],
])('%j stands in line %i', (path, line) => {
  expect(new GuardText(TEXT).mistake(path, 'is wrong')).toBe(`${path.join('.')}: is wrong (line ${line}).`);
});

test('selectors are names, also where they look like numbers; other numbers are numbers', () => {
  const text = 'selector: 007\nselectors: [20240101, 1e5, s1, ~]\nb: {selectors: {20240102: any}}\nc: [1, 2]\nd: {3: 4}\n';
  expect(new GuardText(text).data).toEqual({
    selector: '007',
    selectors: ['20240101', '1e5', 's1', null],
    b: { selectors: { '20240102': 'any' } },
    c: [1, 2],
    d: { 3: 4 },
  });
});

test('what is nowhere in the file has no line', () => {
  expect(new GuardText(TEXT).mistake([], 'is empty')).toBe('The file is empty.');
  expect(new GuardText(TEXT).mistake(['zz'], 'is missing')).toBe('zz: is missing.');
  expect(new GuardText('').mistake(['zz'], 'is missing')).toBe('zz: is missing.');
});

test('every key that is not known is a mistake of its own line; of several forms, the one that was meant speaks', () => {
  const schema = z.strictObject({ list: z.array(z.union([z.string().min(3), z.strictObject({ name: z.string() })])) });
  const issues = (text: string) => {
    const read = new GuardText(text);
    const parsed = schema.safeParse(read.data);
    return parsed.success ? [] : read.issues(parsed.error);
  };
  expect(issues('list: []\nx: 1\ny: 2\n')).toEqual([
    'The file: unrecognized key: "x" (line 2).',
    'The file: unrecognized key: "y" (line 3).',
  ]);
  expect(issues('list:\n  - abc\n  - name: n\n    nme: 1\n')).toEqual(['list.1: unrecognized key: "nme" (line 4).']);
  expect(issues('list:\n  - name: 1\n').join()).toMatch(/^list\.0\.name: .*\(line 2\)\.$/);
  expect(issues('list:\n  - ab\n').join()).toMatch(/^list\.0: .*\(line 2\)\.$/);
  expect(issues('list:\n  - 7\n').join()).toMatch(/^list\.0: .*\(line 2\)\.$/);
});

test('what is no YAML says where it breaks', () => {
  expect(() => new GuardText('a: [1\nb: 2')).toThrow(GuardFileError);
  expect(() => new GuardText('a: [1\nb: 2')).toThrow(/^It is no YAML: .*line/);
  expect(() => new GuardText('a: 1\na: 2')).toThrow(/^It is no YAML: .*unique/);
});
