import { expect, test } from 'vitest';
import { largeQueue } from '../../services/parser/large-queue.ts';

test('parses in order, a few at a time, each once; an error is logged, and stopping waits for what runs', async () => {
  const begun: number[] = [];
  const ends = new Map<number, (failure?: Error) => void>();
  const warned: unknown[] = [];
  const log = { warn: (fields: unknown) => warned.push(fields) };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const queue = largeQueue(
    3,
    (key) =>
      new Promise<void>((resolve, reject) => {
        begun.push(key);
        ends.set(key, (failure) => (failure ? reject(failure) : resolve()));
      }),
    log as never,
  );
  queue.add([1, 2, 3, 2]);
  queue.add([3, 4]);
  expect(begun).toEqual([1, 2]);
  expect([queue.has(3), queue.has(5)]).toEqual([true, false]);
  ends.get(1)!(new Error('planted'));
  await settled();
  expect(begun).toEqual([1, 2, 3]);
  expect(warned).toEqual([{ message: 1, err: 'planted' }]);
  expect(queue.has(1)).toBe(false);
  queue.add([1]);
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  ends.get(2)!();
  await settled();
  expect([begun, stopped]).toEqual([[1, 2, 3], false]);
  ends.get(3)!();
  await stopping;
  expect(begun).toEqual([1, 2, 3]);
});

test.each([
  [1, 1],
  [2, 1],
  [4, 3],
])('a parser with %i connections parses %i large messages at a time', async (concurrency, atOnce) => {
  const begun: number[] = [];
  const parse = (key: number) => {
    begun.push(key);
    return new Promise<void>(() => undefined);
  };
  largeQueue(concurrency, parse, { warn: () => undefined } as never).add([1, 2, 3, 4, 5]);
  expect(begun).toHaveLength(atOnce);
});
