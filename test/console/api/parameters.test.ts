import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, whole, withCursor } from '../../../services/console/api/parameters.ts';

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a cursor is read back as it was written', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      (n, text) => {
        const { next } = withCursor({ items: [], next: [n, text] });
        expect(readCursor(next!, ['number', 'string'])).toEqual([n, text]);
      },
    ),
  );
  expect(withCursor({ items: [], next: null }).next).toBeNull();
  expect(readCursor(undefined, ['number'])).toBeNull();
});

test.each([
  ['no JSON', 'abc'],
  ['another list', encoded(['a'])],
  ['more columns', encoded([1, 2])],
  ['a fraction', encoded([1.5])],
  ['an object', encoded({ a: 1 })],
  ['null', encoded([null])],
  ['nothing', encoded([])],
  ['a number that is none', encoded(['1'])],
])('a cursor that is %s is not read', (_, text) => {
  expect(readCursor(text, ['number'])).toBeUndefined();
});

test.each([encoded(['\0']), encoded([1])])('%s is no cursor of a list by name', (text) => {
  expect(readCursor(text, ['string'])).toBeUndefined();
});
test('a time must be one', () => {
  expect(readCursor(encoded(['2026-11-27T08:00:00.000Z']), ['time'])).toEqual(['2026-11-27T08:00:00.000Z']);
  for (const text of ['now', '2026-13-01T00:00:00Z', "'; drop"]) expect(readCursor(encoded([text]), ['time'])).toBeUndefined();
});

test.each(['', ' 1', '1e3', '0x10', '-1', '1.0', '51', '0', '١', '9'.repeat(17)])('%j is no number from 1 to 50', (text) => {
  expect(whole(1, 50).safeParse(text).success).toBe(false);
});
test.each(['1', '50', '007'])('%j is one', (text) => {
  expect(whole(1, 50).parse(text)).toBe(Number(text));
});
