import { expect, test } from 'vitest';
import { type BatchResult, emptyResult } from '../../services/parser/batch-result.ts';
import { type Parsed, parseWhenFree } from '../../services/parser/parse-when-free.ts';
import { isTransient } from '../../services/shared/errors.ts';

/** Parses messages of which some are held for a number of tries. */
function parser(heldFor: Record<number, number>) {
  const asked: number[][] = [];
  const parse = async (keys: readonly number[]): Promise<BatchResult> => {
    asked.push([...keys]);
    const busy = keys.filter((key) => heldFor[key]! >= asked.length);
    const messages = keys
      .filter((key) => !busy.includes(key))
      .map((message_key) => ({ message_key, unverified: message_key % 2 === 0 }) as BatchResult['messages'][number]);
    return { ...emptyResult(), busy, messages, domains: messages.map((m) => `d${m.message_key}.example`) };
  };
  return { asked, parse };
}

test('only what was held is tried again, and the whole is told once', async () => {
  const { asked, parse } = parser({ 1: 0, 2: 2, 3: 1 });
  const told: Parsed[] = [];
  await parseWhenFree([1, 2, 3], 5, parse, async (all) => void told.push(all));
  expect(asked).toEqual([[1, 2, 3], [2, 3], [2]]);
  expect(told).toEqual([{ domains: ['d1.example', 'd2.example', 'd3.example'], unverified: [2] }]);
});

test('what is held for longer is a temporary error, after what was parsed has been told', async () => {
  const { asked, parse } = parser({ 1: 0, 2: 9 });
  const told: Parsed[] = [];
  const error = await parseWhenFree([1, 2], 3, parse, async (all) => void told.push(all)).catch((e: unknown) => e);
  expect(asked).toEqual([[1, 2], [2], [2]]);
  expect(told).toEqual([{ domains: ['d1.example'], unverified: [] }]);
  expect(isTransient(error)).toBe(true);
  expect(error).toMatchObject({ code: 'message_busy', message: '1 message held by another worker, to be retried.' });
});
