import { expect, test } from 'vitest';
import { HoldQueue } from '../../services/milter/hold-queue.ts';

test('one after the other, also after one that fails', async () => {
  const queue = new HoldQueue();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
    return name;
  };
  const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => queue.take(work(name))));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('one that waits too long is not begun any more', async () => {
  const queue = new HoldQueue(20);
  let end: (() => void) | undefined;
  const first = queue.take(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  let begun = false;
  const second = queue.take(async () => {
    begun = true;
  });
  await expect(first).rejects.toMatchObject({
    code: 'hold_late',
    message: 'too many mails are to be held: this one waited 0.02 seconds',
  });
  await expect(second).rejects.toMatchObject({ code: 'hold_late' });
  end!();
  expect(await queue.take(async () => 'next')).toBe('next');
  expect(begun).toBe(false);
});
