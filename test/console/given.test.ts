import { expect, test } from 'vitest';
import { z } from 'zod';
import { readGiven } from '../../services/console/given.ts';
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
