import { expect, test } from 'vitest';
import { persist } from '../../services/shared/retry.ts';

const failing = (...codes: (string | null)[]) => {
  let calls = 0;
  const work = async () => {
    const code = codes[calls++];
    if (code) throw Object.assign(new Error(code), { code });
    return calls;
  };
  return { work, calls: () => calls };
};
const told: string[] = [];
const say = (error: unknown) => told.push((error as { code: string }).code);

test('what waiting may mend is done again, with longer and longer pauses', async () => {
  told.length = 0;
  const waits: number[] = [];
  const { work } = failing('40P01', '57P01', '08006', null);
  expect(await persist(work, say, async (ms) => void waits.push(ms))).toBe(4);
  expect(told).toEqual(['40P01', '57P01', '08006']);
  // Half of each wait is left to chance.
  expect(waits.map((ms, i) => ms >= 50 * 2 ** i && ms <= 100 * 2 ** i)).toEqual([true, true, true]);
});

test('what waiting cannot mend is told at once', async () => {
  const { work, calls } = failing('22003');
  await expect(persist(work, say, async () => undefined)).rejects.toMatchObject({ code: '22003' });
  expect(calls()).toBe(1);
});

test('it ends some time', async () => {
  const { work, calls } = failing(...Array.from({ length: 100 }, () => '57P03'));
  const waits: number[] = [];
  told.length = 0;
  await expect(persist(work, say, async (ms) => void waits.push(ms))).rejects.toMatchObject({ code: '57P03' });
  expect([calls(), told.length, waits.length]).toEqual([12, 11, 11]);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
});
