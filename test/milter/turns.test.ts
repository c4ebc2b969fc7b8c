import { expect, test } from 'vitest';
import { Turns } from '../../services/milter/turns.ts';

test('one after the other, also after one that fails', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
    return name;
  };
  const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => turns.take(work(name))));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('one that waits too long is not begun any more', async () => {
  const turns = new Turns(20);
  let end: (() => void) | undefined;
  const first = turns.take(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  let begun = false;
  const second = turns.take(async () => {
    begun = true;
  });
  await expect(first).rejects.toMatchObject({ code: 'hold_late' });
  await expect(second).rejects.toMatchObject({ code: 'hold_late' });
  end!();
  expect(await turns.take(async () => 'next')).toBe('next');
  expect(begun).toBe(false);
});
