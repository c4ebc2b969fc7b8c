import { expect, test } from 'vitest';
import { ParserWaker } from '../../services/poller/wake-parser.ts';

test('jobs hold a hundred messages, at most twenty are under way, and stopping waits for all', async () => {
  const jobs: number[][] = [];
  const ends: ((added: boolean) => void)[] = [];
  const queues = {
    add: (_queue: string, { messages }: { messages: number[] }) => {
      jobs.push(messages);
      return new Promise<boolean>((resolve) => ends.push(resolve));
    },
  };
  const waker = new ParserWaker(queues as never);
  const keys = Array.from({ length: 2_101 }, (_, i) => i);
  waker.wake([]);
  expect(jobs).toEqual([]);
  waker.wake(keys.slice(0, 200));
  expect(jobs.splice(0).map((job) => job.length)).toEqual([100, 100]);
  for (const end of ends.splice(0)) end(true);
  await new Promise((resolve) => setImmediate(resolve));
  waker.wake(keys.slice(0, 250));
  expect(jobs.map((job) => job.length)).toEqual([100, 100, 50]);
  expect(jobs.flat()).toEqual(keys.slice(0, 250));
  waker.wake(keys);
  expect(jobs).toHaveLength(20);
  let settled = false;
  const stopping = waker.settled().then(() => {
    settled = true;
  });
  for (const end of ends.slice(1)) end(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  ends[0]!(false);
  await stopping;
  waker.wake([1]);
  expect(jobs).toHaveLength(21);
});
