import { z } from 'zod';
import { LISTS, type List, pageOf } from '../../store/console/api-lists.ts';
import type { Reader } from '../../store/console/scope.ts';
import { words } from '../page-words/en.ts';
import { Refusal } from '../routes.ts';
import { itemsOf, readCursor, withCursor } from './parameters.ts';

export { LISTS };

/** What the keys of a list are, for cursors. */
function typesOf({ row, key }: List): ('string' | 'number' | 'time')[] {
  return key.map((column) => {
    const given = row.shape[column];
    const type = given instanceof z.ZodNullable ? given.unwrap() : given;
    if (type instanceof z.ZodISODateTime) return 'time';
    return type instanceof z.ZodNumber ? 'number' : 'string';
  });
}

/**
 * Answers a page of a list.
 * @throws Refusal `wrong_parameter` for a cursor of another list
 */
export async function answerList(
  reader: Reader,
  list: List,
  { limit, cursor, ...filters }: { limit?: number | undefined; cursor?: string | undefined } & Record<string, unknown>,
  bound: readonly unknown[] = [],
): Promise<{ items: Record<string, unknown>[]; next: string | null }> {
  const after = readCursor(cursor, typesOf(list));
  if (after === undefined)
    throw new Refusal(400, 'wrong_parameter', words.problems.wrong_parameter('cursor', words.problems.cursor));
  return withCursor(await pageOf(reader, list, filters, { after, limit: itemsOf(limit), bound }));
}
