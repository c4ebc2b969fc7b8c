import { z } from 'zod';
import type { After, Page } from '../../store/console/api-lists.ts';
import { isReadable, moment } from '../given.ts';

const MOST_ITEMS = 200;
const USUAL_ITEMS = 50;

/** A whole number in a path or query; the description of the API names it as one. */
export function whole(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= least && n <= most, `must be from ${least} to ${most}`)
    .meta({ param: { type: 'integer', minimum: least, maximum: most } });
}

/** `true` or `false` in a query. */
export const yesNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .meta({ param: { type: 'boolean' } });

/** The number of a row in a path. */
export const key = z.object({ key: whole(1, Number.MAX_SAFE_INTEGER) });

export const domainName = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(253)
  .meta({ param: { type: 'string', minLength: 1, maxLength: 253 } });

const cursor = z
  .string()
  .max(4000)
  .regex(/^[\w-]+$/, 'must be the "next" of an earlier page');

/** The parameters of every list. */
export const paging = z.object({
  limit: whole(1, MOST_ITEMS).optional(),
  cursor: cursor.optional(),
});

/** A page of items as it is sent. */
export const pageOfItems = <Row extends z.ZodType>(row: Row) =>
  z.object({ items: z.array(row), next: z.string().nullable().describe('The cursor of the next page; null on the last one.') });

const afterSchema = z.array(z.union([z.string().max(3000), z.int()])).max(5);

/**
 * The key that a cursor stands for.
 * @param types what each column of the key must be
 * @returns null where there is no cursor, undefined for one that is not of this list
 */
export function readCursor(text: string | undefined, types: readonly ('string' | 'number' | 'time')[]): After | null | undefined {
  if (text === undefined) return null;
  const json = Buffer.from(text, 'base64url').toString('utf8');
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const read = afterSchema.safeParse(given);
  if (!read.success || read.data.length !== types.length) return undefined;
  const fits = read.data.every((value, i) =>
    types[i] === 'time'
      ? moment.safeParse(value).success && z.iso.datetime().safeParse(value).success
      : typeof value === types[i],
  );
  return fits && read.data.every((value) => isReadable(String(value))) ? read.data : undefined;
}

/** A page with its cursor written. */
export function withCursor<Row>({ items, next }: Page<Row>): { items: Row[]; next: string | null } {
  return { items, next: next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url') };
}

export const itemsOf = (limit: number | undefined): number => limit ?? USUAL_ITEMS;
