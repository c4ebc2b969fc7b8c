import { expect, test } from 'vitest';
import { z } from 'zod';
import { byKey, day, dayOrMoment, moment, readGiven, reason } from '../../services/console/given.ts';
import { Refusal } from '../../services/console/routes.ts';

function whyNot(schema: z.ZodType, value: unknown): unknown {
  try {
    readGiven(z.object({ f: schema }), { f: value }, 400);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  return null;
}

const number = z.coerce.number().int().min(1).max(730);
test.each<[z.ZodType, unknown, string]>([
  [number, 'abc', 'it must be a number'],
  [number, '1.5', 'it must be a whole number'],
  [number, '9999', 'it must be at most 730'],
  [number, '0', 'it must be at least 1'],
  [z.string().max(3), 'abcd', 'it must have at most 3 characters'],
  [z.string().min(1), '', 'it is empty'],
  [z.string(), ['a', 'b'], 'it must be given once, as a text'],
  [z.string(), undefined, 'it is missing'],
  [z.enum(['high', 'low']), 'worst', 'it must be one of: high, low'],
  [z.boolean(), 'x', 'it is not valid'],
  [z.string().regex(/^a/, 'must begin with a'), 'b', 'must begin with a'],
])('what is wrong with a value is said in a sentence (%#)', (schema, value, why) => {
  expect(whyNot(schema, value)).toBe(`The value of "f" is wrong: ${why}.`);
});

test('what is right is read', () => {
  expect(readGiven(z.object({ f: number }), { f: '30' }, 400)).toEqual({ f: 30 });
});

const refusalOf = (schema: z.ZodObject | undefined, given: unknown, status: 400 | 404) => {
  try {
    return readGiven(schema, given, status);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, code, field, why, message } = error;
    return { status, code, field, why, message };
  }
};
const nested = (depth: number, leaf: unknown = 'x') => Array.from({ length: depth }).reduce((inner) => ({ in: inner }), leaf);
const strict = z.strictObject({ f: z.string(), in: z.strictObject({ g: z.number() }).optional() });
const choice = (n: number) => z.object({ f: z.enum(Array.from({ length: n }, (_, i) => `v${i}`)) });

const GIVEN: readonly [string, z.ZodObject | undefined, unknown, 400 | 404][] = [
  ['nothing where nothing is read', undefined, { any: 'thing' }, 400],
  ['nothing in a path', undefined, undefined, 404],
  ['a 0 where nothing is read', undefined, { any: 'a\0' }, 400],
  ['half of a pair within', undefined, { a: { b: ['x', '\ud800'] } }, 400],
  ['half of a pair in a name', undefined, { a: { '\udfff': 1 } }, 400],
  ['half of a pair in a path', undefined, { a: '\ud800' }, 404],
  ['a text', undefined, '\0', 400],
  ['nested as deeply as anything', undefined, nested(19), 400],
  ['nested deeper', undefined, nested(21), 400],
  ['nested as deeply, with a 0', undefined, nested(20, '\0'), 400],
  ['an unknown field', strict, { f: 'x', other: 1, more: 2 }, 400],
  ['an unknown field within', strict, { f: 'x', in: { g: 1, h: 2 } }, 400],
  ['an unknown parameter of a path', strict, { f: 'x', other: 1 }, 404],
  ['no object', strict, [], 400],
  ['no object within', strict, { f: 'x', in: 'y' }, 400],
  ['no object in a path', strict, 'x', 404],
  ['a wrong field within', strict, { f: 'x', in: { g: 'y' } }, 400],
  ['a wrong parameter of a path', strict, { f: 1 }, 404],
  ['a choice of twelve', choice(12), { f: 'x' }, 400],
  ['a choice of more', choice(13), { f: 'x' }, 400],
  ['no number', z.object({ f: z.number().max(3) }), {}, 400],
  ['too many', z.object({ f: z.array(z.string()).max(1) }), { f: ['a', 'b'] }, 400],
  ['too few', z.object({ f: z.array(z.string()).min(2) }), { f: ['a'] }, 400],
  ['a date', z.object({ f: day }), { f: '2026-11-27' }, 400],
  ['no date', z.object({ f: day }), { f: '27.11.2026' }, 400],
  ['the first year', z.object({ f: day }), { f: '1900-01-01' }, 400],
  ['a year before', z.object({ f: day }), { f: '1899-12-31' }, 400],
  ['the last year', z.object({ f: day }), { f: '2999-12-31' }, 400],
  ['a year after', z.object({ f: day }), { f: '3000-01-01' }, 400],
  ['a moment', z.object({ f: moment }), { f: '2026-11-27T01:00:00+02:00' }, 400],
  ['a moment without an offset', z.object({ f: moment }), { f: '2026-11-27T01:00:00' }, 400],
  ['a day for a moment', z.object({ f: moment }), { f: '2026-11-27' }, 400],
  ['either', z.object({ f: dayOrMoment, g: dayOrMoment }), { f: '2026-11-27', g: '2026-11-27T01:00:00Z' }, 400],
  ['neither', z.object({ f: dayOrMoment }), { f: 'today' }, 400],
  ['the number of a row', byKey, { key: '1' }, 404],
  ['no row', byKey, { key: '0' }, 404],
  ['the largest row', byKey, { key: '9007199254740991' }, 400],
  ['too large for a row', byKey, { key: '9007199254740992' }, 400],
  ['a reason', z.object({ f: reason(5, 'give a reason') }), { f: ' abcde ' }, 400],
  ['a long reason', z.object({ f: reason(5, 'give a reason') }), { f: 'abcdef' }, 400],
  ['a blank reason', z.object({ f: reason(5, 'give a reason') }), { f: ' \u200b ' }, 400],
];

test('what is read of all that may be given, or why it is not', async () => {
  const lines = GIVEN.map(([name, schema, given, status]) => `${name}: ${JSON.stringify(refusalOf(schema, given, status))}`);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/given.txt');
});
