import { expect, test } from 'vitest';
import { Gate } from '../../services/console/gate.ts';

test('so much runs at once, so much waits in order, and the rest is refused', async () => {
  const gate = new Gate(2, 2);
  const ends: (() => void)[] = [];
  const began: number[] = [];
  const work = (n: number) =>
    gate.run(() => {
      began.push(n);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const all = [1, 2, 3, 4].map(work);
  await expect(work(5)).rejects.toMatchObject({ status: 503, code: 'busy' });
  expect(began).toEqual([1, 2]);
  for (let i = 0; i < 4; i++) {
    ends[i]!();
    await all[i];
  }
  expect(began).toEqual([1, 2, 3, 4]);
});

test('work that fails makes room as well', async () => {
  const gate = new Gate(1, 5);
  await expect(gate.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(gate.run(() => Promise.resolve(1))).resolves.toBe(1);
});
